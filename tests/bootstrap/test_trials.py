from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bootstrap import transaction, trials
from bootstrap.prefix import Prefix

CHILD = """
import sys
from pathlib import Path
from bootstrap import trials
with trials.folder(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def prefix(tmp_path) -> Prefix:
    prefix = Prefix(tmp_path)
    prefix.make()
    return prefix


@pytest.fixture
def elsewhere(prefix):
    """Yield a process that uses a folder."""
    argv = [sys.executable, "-c", CHILD, str(prefix.state)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()  # it has its folder
        yield child
        child.kill()


def entries(prefix: Prefix) -> list[str]:
    return [name for name in os.listdir(prefix.state) if name.startswith(trials.NAME)]


def test_a_folder_is_private_and_goes_with_its_lock(prefix) -> None:
    with trials.folder(prefix.state) as folder:
        assert folder.is_dir()
        assert os.name == "nt" or folder.stat().st_mode & 0o777 == 0o700
        assert len(entries(prefix)) == 2
        assert trials.abandoned(prefix.state) == []
    assert entries(prefix) == []


def test_a_folder_in_use_by_another_process_stays(prefix, elsewhere) -> None:
    transaction.settle(prefix)
    assert len(entries(prefix)) == 2
    elsewhere.communicate("")
    assert entries(prefix) == []


def test_what_a_killed_process_left_goes_at_the_next_look(prefix, elsewhere) -> None:
    elsewhere.kill()
    elsewhere.wait()
    assert len(entries(prefix)) == 2
    transaction.settle(prefix)
    assert entries(prefix) == []


@pytest.mark.parametrize("left", [f"{trials.NAME}1", f"{trials.NAME}1{trials.LOCK}"])
def test_half_of_what_is_left_goes_too(prefix, left) -> None:
    (prefix.state / left).mkdir() if left.endswith("1") else (prefix.state / left).touch()
    transaction.settle(prefix)
    assert entries(prefix) == []
