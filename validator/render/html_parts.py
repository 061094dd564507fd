"""What every HTML page of this room consists of: the frame with its policy, escaped values, times and commands.

The browser runs only the script with the digest in the policy (Content Security Policy 3), so that no value can ever be
one. Where scripts do not run, the page is the same without search, filters and copy buttons.
"""

from __future__ import annotations

import base64
import hashlib
import html
from datetime import datetime
from typing import TYPE_CHECKING

from shared.i18n import _, translations
from shared.terminal.console import sentence
from validator.render.html_script import SCRIPT
from validator.render.html_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# blocks requests and every other script, whatever a value contains
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"
    + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    + "'"
)


def page(title: str, body: Iterable[str]) -> str:
    """Return a complete page; ``title`` is text, ``body`` is HTML."""
    parts = (
        f'<!DOCTYPE html>\n<html lang="{escape(language())}">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY, quote=False)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        *body,
        f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>",
    )
    return "\n".join(parts)


def escape(text: str) -> str:
    """Return a value as one line of HTML text, without markup or characters that change the text direction."""
    return html.escape(sentence(text))


def language() -> str:
    """Return the language code of the messages, "en" if no catalogue is loaded."""
    return translations().info().get("language", "en") or "en"


def facts(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yield a list of labels and values; a value that is None or empty is left out."""
    yield "<dl>"
    for label, value in pairs:
        if value not in (None, ""):
            yield f"<div><dt>{escape(label)}</dt><dd>{escape(str(value))}</dd></div>"
    yield "</dl>"


def times(timestamp: str) -> tuple[tuple[str, str | None], ...]:
    """Return the facts about a time: in UTC and, where they differ, in the time zone of this host."""
    shown = timestamp.replace("T", " ").replace("Z", " UTC")
    return (_("Time"), shown), (_("Local time"), _local(timestamp))


def _local(timestamp: str) -> str | None:
    try:
        local = datetime.fromisoformat(timestamp.replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError, OSError):  # a report may come from any source
        return None
    return f"{local:%Y-%m-%d %H:%M:%S} (UTC{local:%z})" if local.utcoffset() else None


def command(text: str) -> str:
    """Return a command with a button that copies it, which the script shows."""
    button = f'<button type="button" class="copy" data-done="{escape(_("Copied"))}" hidden>{escape(_("Copy"))}</button>'
    return f'<div class="command"><pre>{escape(text)}</pre>{button}</div>'
