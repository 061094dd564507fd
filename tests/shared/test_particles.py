"""Which form of a Korean particle a filled-in message has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared import i18n
from shared.particles import BOTH, prepared
from tools.catalogues import LOCALES, read, texts


@pytest.mark.parametrize(
    ("word", "object_", "by"),
    [
        ("사과", "를", "로"),
        ("번들", "을", "로"),
        ("경로", "를", "로"),
        ("설치본", "을", "으로"),
        ("릴리스 3", "을", "으로"),
        ("릴리스 7", "을", "로"),
        ("버전 2", "를", "로"),
        ("/opt/app/.env", "를", "로"),
        ("manifest.json", "을", "으로"),
        ("uv.toml", "을", "로"),
        ("uv lock", "을", "으로"),
        ("installer", "를", "로"),
        ("SHA256SUMS", "를", "로"),
        ("URL", "을", "로"),
        ("VPN", "을", "으로"),
        ("'데이터'", "를", "로"),
        ("파일 (3개)", "을", "로"),
        ("", "를", "로"),
        ("…", "를", "로"),
    ],
)
def test_a_particle_fits_the_word_before_it(word, object_, by) -> None:
    assert prepared("{word}을(를) 봅니다").format(word=word) == f"{word}{object_} 봅니다"
    assert prepared("%(word)s(으)로 갑니다") % {"word": word} == f"{word}{by} 갑니다"
    assert prepared(f"{word}을(를)") == word + object_


@pytest.mark.parametrize(
    ("both", "after", "bare"), [("이(가)", "이", "가"), ("은(는)", "은", "는"), ("와(과)", "과", "와")]
)
def test_each_pair(both, after, bare) -> None:
    text = prepared(f"{{a}}{both} {{b}}{both}")
    assert text.format(a="번들", b="휠 파")[-1:] == bare
    assert text.format(a="번들", b="휠 파").startswith(f"번들{after} ")


def test_what_has_no_particle_to_choose_is_left_alone() -> None:
    assert type(prepared("{path} 없음")) is str
    assert type(prepared("번들을(를) 봅니다")) is str


def test_what_the_launcher_says_leaves_none_to_choose() -> None:
    """It runs on any Python, without this module."""
    korean = {message.id: message.string for message in read(LOCALES / "ko/LC_MESSAGES/ragtrace.po") if message.id}
    said = [text for path in Path("bootstrap/launch").glob("*.py") for text in texts(path)]
    assert said
    assert [korean[text] for text in said if BOTH.search(str(korean.get(text)))] == []


def test_no_message_shows_both_forms(monkeypatch) -> None:
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    i18n.translations.cache_clear()
    try:
        shown = []
        for message in read(LOCALES / "ko/LC_MESSAGES/ragtrace.po"):
            if not message.id or isinstance(message.id, tuple):
                continue
            text = i18n._(message.id)
            fields = dict.fromkeys(re.findall(r"(?:\{|%\()([a-z_0-9]+)", text), 7)
            percent = fields if "%(" in text else (7,) * len(re.findall("%[rs]", text))
            shown.append(text % percent if percent and "{" not in text else text.format(**fields))
        assert len(shown) > 1000
        assert [text for text in shown if BOTH.search(text)] == []
    finally:
        i18n.translations.cache_clear()
