"""Korean texts in help, aligned and within the terminal."""

from __future__ import annotations

import argparse
import unicodedata

import pytest

from shared.terminal.columns import HelpFormatter, columns, wrap

KOREAN = "이 파일에 내장된 키 대신 이 공개 키(.pub 파일)를 신뢰합니다. 여러 번 지정할 수 있습니다"


def test_a_korean_character_takes_two_columns() -> None:
    assert (columns("ab"), columns("한글"), columns("é")) == (2, 4, 1)
    assert columns(unicodedata.normalize("NFD", "각é")) == 3  # as file names come from a Mac


def test_a_text_is_cut_at_spaces_and_a_word_only_where_it_must() -> None:
    assert list(wrap("검사 결과 report", 12, "> ", "  ")) == ["> 검사 결과", "  report"]
    assert list(wrap("가나다라마바사아", 12)) == ["가나다라마바", "사아"]


@pytest.mark.parametrize("width", ["40", "80", "120"])
def test_help_stays_within_the_terminal(width, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    parser = argparse.ArgumentParser(prog="tool", description=KOREAN, formatter_class=HelpFormatter)
    parser.add_argument("--trust-key", metavar="KEY", help=KOREAN)
    shown = parser.format_help()
    assert all(columns(line) <= int(width) for line in shown.splitlines())
    assert "".join(KOREAN.split()) in "".join(shown.split())


@pytest.mark.parametrize("width", range(14, 40))
def test_the_parts_of_a_long_word_meet_no_space(width) -> None:
    text = "see PIP_DISABLE_PIP_VERSION_CHECK and performance.import_tree"
    lines = list(wrap(text, width, "1. ", " "))
    assert all(columns(line) <= width for line in lines)
    assert {word for line in lines for word in line.split()[1:-1]} <= set(text.split())
