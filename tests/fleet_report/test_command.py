"""``fleet report``: its exit codes, and the files that it writes."""

from __future__ import annotations

import json

import pytest

from bootstrap import cli
from fleet.memory import Memory
from tests.fleet_report import made
from tests.fleet_report.made import Host, enroll


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "statements"
    folder.mkdir()
    return folder


def report(folder, *options) -> int:
    keys = folder.parent / "allowed_signers"
    return cli.main(["fleet", "report", str(folder), "--allowed-signers", str(keys), *map(str, options)])


def test_the_exit_code_says_the_worst(place, capsys) -> None:
    host, other = Host("host-1"), Host("host-2")
    enroll(place.parent / "allowed_signers", host, other)
    assert report(place) == 1  # no statement at all
    host.put(place)
    assert report(place) == 0
    assert report(place, "--strict") == 1  # nothing from host-2
    other.put(place, other.says(1, made.REPORT))
    assert report(place) == 1
    Host("host-3").put(place)
    assert report(place) == 3
    assert "not-enrolled: Signed by a key that is not enrolled." in capsys.readouterr().out


def test_keys_are_asked_for(place, capsys) -> None:
    Host("host-1").put(place)
    assert cli.main(["fleet", "report", str(place)]) == 2
    assert "--allowed-signers" in capsys.readouterr().err
    assert cli.main(["fleet", "report", str(place), "--unverified"]) == 0
    assert "Not verified" in capsys.readouterr().out
    enroll(place.parent / "allowed_signers", Host("host-1"))
    assert report(place, "--unverified") == 2


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        *(("t.html", "<!DOCTYPE html>"), ("t.csv", '\ufeff"host"'), ("t.prom", "# HELP"), ("t.txt", "1 installation")),
        *(("t.json", "{\n"), ("t", "{\n")),
    ],
)
def test_the_extension_selects_the_format(place, capsys, name, begins) -> None:
    host = Host("host-1")
    host.put(place)
    enroll(place.parent / "allowed_signers", host)
    output = place.parent / name
    assert report(place, "--output", output, "--json") == 0
    assert output.read_text(encoding="utf-8").startswith(begins)
    assert json.loads(capsys.readouterr().out)["hosts"][0]["asset"] == "host-1"


def test_an_older_statement_after_a_newer_one(place, capsys) -> None:
    host, memory = Host("host-1"), place.parent / "seen.json"
    enroll(place.parent / "allowed_signers", host)
    host.put(place, host.says(5))
    assert report(place, "--memory", memory) == 0
    host.put(place, host.says(4))
    before = memory.read_bytes()
    assert report(place, "--memory", memory) == 3
    assert "older: " in capsys.readouterr().out
    assert memory.read_bytes() == before == Memory.from_bytes(before, "seen", limit=10_000).to_bytes()
    memory.write_text("{}")
    assert report(place, "--memory", memory) == 3
    assert "seen.json" in capsys.readouterr().err
