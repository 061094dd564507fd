from __future__ import annotations

import io
import sys

import pytest

from shared import i18n


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    i18n.translations.cache_clear()
    yield
    i18n.translations.cache_clear()


@pytest.mark.parametrize(
    ("encoding", "word"), [("cp949", "오류: {what}"), ("utf-8", "오류: {what}"), ("cp1252", "error: {what}")]
)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_korean_where_its_letters_can_be_written_else_english(monkeypatch, name, encoding, word):
    monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert i18n._("error: {what}") == word


def test_no_stream_at_all_holds_any_language(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert i18n._("error: {what}") == "오류: {what}"
