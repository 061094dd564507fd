"""What lies in a place of the installation is of another kind, length or owner: nothing hangs, and it is mended."""

from __future__ import annotations

import os
import sys

import pytest

from tests.reliability import spoil

pytestmark = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="owners, pipes and devices")
SAMPLE = [
    spoil.Case("missing", "state"),
    spoil.Case("a pipe", "receipt.json"),
    spoil.Case("a link to a device", "run.json"),
    spoil.Case("20 GB without a byte", "a module"),
    spoil.Case("a folder", "state/lock"),
    spoil.Case("a pipe", "state/advisories"),
    spoil.Case("a socket", "state/journal.json"),
    spoil.Case("a link to itself", "COMPLETE"),
    spoil.Case("owned by another", "a module"),
    spoil.Case("missing", "the release"),
    spoil.Case("a folder", "a kept wheel"),
]
CASES = spoil.cases() if os.environ.get("RAGTRACE_TEST_SPOIL") == "all" else SAMPLE


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_hangs_and_all_is_mended(world, place, case):
    wrong, ended = spoil.judge(world, place, case, install=case is CASES[0] or len(CASES) > len(SAMPLE))
    assert not wrong, (ended, wrong)


def test_lost_data_are_named_with_the_backup_that_has_them(world, place):
    case = spoil.Case("missing", "data")
    prefix, said = spoil.look(world, place, case, install=False)
    assert said["recover"].code == 4
    name = max(path.name for path in prefix.backups.iterdir())
    assert f"backup restore {name}" in said["recover"].err.replace("\n", " ")
    spoil.worlds.tell(["backup", "restore", name, "--prefix", str(prefix.root)])
    assert (prefix.data / "data" / "notes.txt").read_text() == "what I noted\n"
