"""The frame of a self-contained HTML page: its policy, escaped values, and the style that all pages share.

The browser runs only the script with the digest in the policy (Content Security Policy 3), so that no value can ever be
one. Where scripts do not run, a page must be readable without what its script adds.
"""

from __future__ import annotations

import base64
import hashlib
import html
from typing import TYPE_CHECKING

from shared.i18n import translations
from shared.terminal.console import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# light or dark, depending on the system preference
STYLE = """
:root { color-scheme: light dark;
  --back: #f4f5f7; --card: #fff; --line: #dfe2e7; --text: #1b212b; --soft: #5b6472; --code: #eef0f3; --bar: #3d6fd6;
  --pass: #1a7f4b; --warn: #a86200; --fail: #c22f2f; --error: #a5289b; --skip: #6a7280 }
@media (prefers-color-scheme: dark) { :root {
  --back: #12151a; --card: #1b2028; --line: #313844; --text: #e6e9ee; --soft: #9aa4b2; --code: #262d38; --bar: #7aa2f7;
  --pass: #4cc38a; --warn: #e5a23d; --fail: #ff7b72; --error: #e48be0; --skip: #98a1ae } }
* { box-sizing: border-box } [hidden] { display: none !important }
body { margin: 0; background: var(--back); color: var(--text); line-height: 1.5; font-size: 15px;
  overflow-wrap: anywhere;
  font-family: system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK KR", "Malgun Gothic", sans-serif }
:lang(ko) { word-break: keep-all }
section, header { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px 24px;
  margin: 0 0 16px }
.soft { color: var(--soft) }
"""


def policy(script: str) -> str:
    """Return the policy that blocks requests and every script but this one, whatever a value contains."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def page(title: str, body: Iterable[str], *, style: str, script: str) -> Iterator[str]:
    """Yield the pieces of a complete page; ``title`` is text, ``body`` is HTML, ``style`` adds to STYLE."""
    yield f'<!DOCTYPE html>\n<html lang="{escape(language())}">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy(script), quote=False)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>"
    yield from body
    yield f"</main>\n<script>{script}</script>\n</body>\n</html>"


def escape(text: object) -> str:
    """Return a value as one line of HTML text, without markup or characters that change the text direction."""
    return html.escape(sentence(str(text)))


def language() -> str:
    """Return the language code of the messages, "en" if no catalogue is loaded."""
    return translations().info().get("language", "en") or "en"
