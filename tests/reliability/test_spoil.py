"""What lies in a place of the installation is of another kind, length or owner: nothing hangs, and it is mended."""

from __future__ import annotations

import json
import os
import sys

import pytest

from tests.reliability import spoil, spoiling
from tests.reliability import world as worlds

pytestmark = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="owners, pipes and devices")
SAMPLE = [  # make damage does them all
    spoil.Case("a link to nothing", "the former COMPLETE"),
    spoil.Case("20 GB without a byte", "a module"),
    spoil.Case("a link to itself", "store"),
    spoil.Case("a pipe", "backups", "rollback"),
    spoil.Case("a link to a device", "run.json", "install"),
    spoil.Case("a socket", "releases", "uninstall"),
    spoil.Case("a folder", "state/lock", "upgrade"),
]


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_nothing_hangs_and_all_is_mended(world, place, case):
    outcome = spoil.judge(world, place, case)
    assert not outcome.wrong, outcome


def test_lost_data_are_named_with_the_backup_that_has_them(world, place):
    prefix, said = spoil.look(world, place, spoil.Case("missing", "data"))
    assert said.code == 4
    name = max(path.name for path in prefix.backups.iterdir())
    assert f"backup restore {name}" in said.err.replace("\n", " ")
    worlds.tell(["backup", "restore", name, "--prefix", str(prefix.root)])
    assert (prefix.data / "data" / "notes.txt").read_text() == "what I noted\n"


def test_both_copies_of_a_small_file_come_back_from_the_bundle(world, place):
    prefix = spoil.begin(world, worlds.UPGRADE, place)  # no former release has a third copy
    before = (prefix.active().app / "app.py").read_bytes()
    entry = next(entry for entry in prefix.active().manifest().of_kind("source") if entry.inner == "app.py")
    spoil.hurt(prefix, spoil.Case("missing", "app/app.py"))
    (prefix.store / entry.sha256[:2] / entry.sha256).unlink()
    root, bundle = ["--prefix", str(prefix.root)], ["--bundle", str(world.bundle("old")), "--trust-key", str(world.key)]
    refused = worlds.run(["recover", "--yes", *root])
    assert refused.code == 4
    assert "run `recover --bundle FOLDER`" in " ".join(refused.err.split())
    worlds.tell(["recover", "--yes", *bundle, *root])
    assert (prefix.active().app / "app.py").read_bytes() == before
    assert worlds.tell(["validate", *spoil.LOOKED_AT, *root]).code == 0


def test_the_table_counts_what_a_run_writes_into_its_log(tmp_path) -> None:
    case = next(case for case in spoil.cases() if case.tool == "recover")
    other = next(case for case in spoil.cases() if case.tool != "recover")
    outcomes = [spoil.Outcome(case, {}, [], repaired="bundle"), spoil.Outcome(other, {}, ["wrong"])]
    log = tmp_path / "log"
    log.write_text("".join(json.dumps(outcome.row()) + "\n" for outcome in outcomes))
    last = spoiling.table(spoiling.read_log(log)).splitlines()[-1]
    assert [cell.strip() for cell in last.strip("|").split("|")] == ["all", "1", "0", "1", "0", "1", "0", "1", "1"]
