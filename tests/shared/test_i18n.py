from __future__ import annotations

import ast
import io
import sys
from pathlib import Path

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


def translated(node: ast.AST) -> bool:
    """Tell whether a text in the operator's language stands somewhere in an expression."""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in ("_", "plural")
        for part in ast.walk(node)
    )


def keyed(tree: ast.AST) -> list[ast.expr]:
    """Return the expressions by whose value something is decided or found: compared, or the key of a dictionary."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found += [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            found += [key for key in node.keys if key is not None]
        elif isinstance(node, ast.Subscript):
            found.append(node.slice)
    return found


def test_nothing_is_decided_by_a_translated_text() -> None:
    root = Path(__file__).resolve().parents[2]
    found = {
        (path.relative_to(root).as_posix(), ast.unparse(part))
        for top in ("bootstrap", "recovery", "validator", "installer", "fleet", "bundle", "shared", "builder")
        for path in (root / top).rglob("*.py")
        for part in keyed(ast.parse(path.read_text(encoding="utf-8")))
        if translated(part)
    }
    answers = {(file, text) for file, text in found if "_('yes')" in text}  # people say it in their language
    typed_twice = {(file, text) for file, text in found if text.startswith("_typed(")}
    assert found == answers | typed_twice
