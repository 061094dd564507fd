"""The frame of all HTML pages: one script runs, and no value becomes markup."""

from __future__ import annotations

import base64
import hashlib
import html
import re

import pytest

from shared.terminal import html_page

SCRIPT = "document.title = 'a < b'"


def page(title: str = "A page", body: tuple[str, ...] = ("<p>text</p>",)) -> str:
    return "\n".join(html_page.page(title, body, style="p { color: red }", script=SCRIPT))


def test_the_policy_allows_the_pages_script_and_no_other() -> None:
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page())
    (digest,) = re.findall(r"script-src 'sha256-([^']+)'", html.unescape(policy))
    (script,) = re.findall(r"<script>(.*)</script>", page(), flags=re.DOTALL)
    assert base64.b64decode(digest) == hashlib.sha256(script.encode()).digest()
    assert policy.startswith("default-src 'none';")


def test_a_page_has_the_shared_style_and_its_own() -> None:
    (style,) = re.findall(r"<style>(.*)</style>", page(), flags=re.DOTALL)
    assert style == html_page.STYLE + "p { color: red }"
    assert page().count("<p>text</p>") == 1


@pytest.mark.parametrize("text", ["<script>", 'a" onclick="x', "a\u202eb", "a\nb"])
def test_a_value_is_one_line_of_text(text) -> None:
    escaped = html_page.escape(text)
    assert not set('<>"\n\u202e') & set(escaped)
    assert f"<title>{escaped}</title>" in page(text)
