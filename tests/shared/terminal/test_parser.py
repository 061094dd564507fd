"""Help and the errors of a wrong call, in one language: argparse's words and ours."""

from __future__ import annotations

import argparse
import ast
import inspect
import re

import pytest

from bootstrap import cli
from builder import cli as builder_cli
from builder.zipapp.catalogues import read
from shared import i18n
from shared.terminal.columns import columns
from shared.terminal.parser import Parser
from tools.argparse_texts import texts
from tools.catalogues import LOCALES

# what only who writes a parser may see
OF_PROGRAMMERS = re.compile(
    r"conflicting .*|\.__call__\(\) not defined|'required' is an invalid .*|mutually exclusive arguments .*"
    r"|%r is not callable|cannot merge actions .*|invalid option string %\(option\)r.*|dest= is required .*"
    r'|invalid conflict_resolution value.*|cannot have multiple subparser .*|argument "-" with mode %r'
)
# words of argparse's English, which none of our Korean texts has
ENGLISH = re.compile(
    r"usage:|optional arguments|options:|this help|version number|expected|invalid|arguments|unrecognized|error:"
)


@pytest.fixture
def korean(monkeypatch):
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    monkeypatch.setenv("COLUMNS", "100")
    i18n.translations.cache_clear()
    yield
    i18n.translations.cache_clear()


def test_every_text_of_this_python_s_argparse_is_translated(korean) -> None:
    (catalogue,) = map(read, LOCALES.rglob("*.po"))
    known = {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.string}
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(argparse))) if isinstance(node, ast.Call)]
    asked = [node.args[0] for node in calls if getattr(node.func, "id", "") in ("_", "ngettext")]
    shown = {text.value for text in asked if isinstance(text, ast.Constant)}
    assert len(shown) > 20
    assert [text for text in shown - known if not OF_PROGRAMMERS.fullmatch(str(text))] == []
    assert "옵션" in texts()


def every_parser():
    """Yield each command of both programs as its own parser sees it, the installer's with its options."""
    yield builder_cli.make_parser()
    waiting = [builder_cli.make_parser()]
    for parser in waiting:  # it grows while it is walked
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
                yield from action.choices.values()


def test_help_of_every_command_is_korean(korean, capsys) -> None:
    helps = [parser.format_help() for parser in every_parser()]
    for command in ([], *([command] for command in cli.commands()), ["backup", "restore"], ["trust", "update"]):
        with pytest.raises(SystemExit):
            cli.main([*command, "--help"])
        helps.append(capsys.readouterr().out)
    assert len(helps) > 25
    assert [found[0] for text in helps for found in ENGLISH.finditer(text)] == []
    assert all(text.startswith("사용법: ") for text in helps)
    (first, second) = next(text.splitlines()[:2] for text in helps if "--strict-source" in text)
    assert columns(first[: first.index("[-h]")]) == second.index("[")


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "--nothing"],
        ["nothing"],
        ["status", "--prefix"],
        ["validate", "--format", "nothing"],
        ["monitor", "--interval", "x"],
        ["status", "--prefix="],
        [],
    ],
)
def test_a_wrong_call_is_told_in_korean(korean, capsys, arguments) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    reported = capsys.readouterr().err
    assert ENGLISH.findall(reported) == []
    assert "오류: " in reported


def test_english_stays_argparse_s(monkeypatch, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        Parser(prog="x").parse_args(["--nothing"])
    assert capsys.readouterr().err.endswith("x: error: unrecognized arguments: --nothing\n")
