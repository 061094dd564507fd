"""What every HTML page of this room consists of: labelled values, times, commands with a button to copy them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from shared.i18n import _
from shared.terminal import html_page
from shared.terminal.html_page import escape
from validator.render.html_script import SCRIPT
from validator.render.html_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def page(title: str, body: Iterable[str]) -> str:
    """Return a complete page; ``title`` is text, ``body`` is HTML."""
    return "\n".join(html_page.page(title, body, style=STYLE, script=SCRIPT))


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
