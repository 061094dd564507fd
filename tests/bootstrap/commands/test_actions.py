"""Commands with actions: each action has a parser of its own, and every command line of before is understood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap import cli
from bundle.advisories.severity import TABLES
from shared.terminal.parser import Parser

TABLE = next(iter(TABLES))
ACTIONS = {
    "trust": ["show", "update", "accept-memory"],
    "backup": ["create", "list", "restore"],
    "audit-log": ["show", "verify", "export"],
    "advisories": ["show", "scan", "update"],
}


def parsed(command, *words):
    parser = Parser()
    cli.add_common(parser)
    cli.module_of(command).configure(parser)
    return vars(parser.parse_args(words))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("trust show", {"action": "show", "allowed_signers": False, "yes": False, "json": False, "trust_key": []}),
        ("trust --json show", {"action": "show", "json": True}),
        ("trust --yes accept-memory", {"action": "accept-memory", "yes": True}),
        ("trust accept-memory --yes --prefix p", {"yes": True, "prefix": Path("p")}),
        ("trust update a b", {"policies": [Path("a"), Path("b")]}),
        ("trust --trust-key a update p --trust-key b --only-prefix", {"trust_key": ["a", "b"], "only_prefix": True}),
        ("backup", {"action": "create", "id": None, "dry_run": False, "wait": 0.0}),
        ("backup --dry-run --wait 5", {"action": "create", "dry_run": True, "wait": 5.0}),
        ("backup --wait 5 restore latest --dry-run", {"id": "latest", "dry_run": True, "wait": 5.0}),
        ("backup list --wait 3 --json", {"action": "list", "id": None, "wait": 3.0, "json": True}),
        ("audit-log show", {"action": "show", "head": None}),
        ("audit-log --head ab verify", {"action": "verify", "head": "ab"}),
        ("audit-log export --head ab all.jsonl", {"file": Path("all.jsonl"), "head": "ab"}),
        ("advisories show --vex x", {"action": "show", "vex": Path("x"), "accept_clock": False}),
        (f"advisories scan --severity-table {TABLE}", {"severity_table": TABLE}),
        ("advisories --accept-clock update --wait 2 a.zip", {"file": Path("a.zip"), "accept_clock": True, "wait": 2.0}),
    ],
)
def test_command_lines(line, expected) -> None:
    command, *words = line.split()
    found = parsed(command, *words)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    "line",
    [
        "trust",
        "trust nonsense",
        "trust show x",
        "trust update",
        "trust accept-memory x",
        "backup x",
        "backup list x",
        "backup restore",
        "backup create x",
        "audit-log",
        "audit-log export",
        "audit-log verify x",
        "advisories update",
        "advisories scan x",
        "advisories update --severity-table x a.zip",
    ],
)
def test_misuse_ends_with_2_and_says_so_in_json_too(line, capsys) -> None:
    command, *rest = line.split()
    for words in ([command, *rest], [command, *rest, "--json"], [command, "--json", *rest]):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == 2
        reported = capsys.readouterr().out
        assert not reported if "--json" not in words else json.loads(reported)["error"]["code"] == 2, words


@pytest.mark.parametrize(("command", "action"), [(name, action) for name in ACTIONS for action in ACTIONS[name]])
def test_help_of_an_action_shows_its_own_options_and_the_commands(command, action, capsys) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, action, "--help"])
    reported = capsys.readouterr().out
    assert "--prefix" in reported
    assert ("--yes" in reported) == (action == "accept-memory")
    assert ("--vex" in reported) == (command == "advisories" and action != "show")
    changes = action in ("create", "restore", "update", "accept-memory")
    assert ("--dry-run" in reported) == changes
    assert ("positional arguments:" in reported) == (action in ("update", "export", "restore"))
