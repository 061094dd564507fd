from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from shared.processes import process
from tests.hosts import faults, needs

# The base interpreter itself: no virtual environment, no shim, whose calls would be counted.
PYTHON = str(Path(sys.executable).resolve())
THREE_SYNCS = """
import os, sys
handle = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
for step in b"123":
    os.write(handle, bytes([step]))
    os.fsync(handle)
"""


def run(prefix, target):
    return process.run([*prefix, PYTHON, "-I", "-S", "-c", THREE_SYNCS, str(target)], timeout=60)


@pytest.fixture(autouse=True)
def strace():
    with needs.or_skip():
        faults.kill_at("fsync", 1)


@pytest.mark.parametrize(("nth", "written"), [(1, b"1"), (2, b"12"), (3, b"123")])
def test_a_kill_comes_at_the_chosen_call(tmp_path, nth, written):
    target = tmp_path / "target"
    assert run(faults.kill_at("fsync", nth), target).returncode == -signal.SIGKILL
    assert target.read_bytes() == written


def test_a_kill_beyond_the_last_call_changes_nothing(tmp_path):
    assert run(faults.kill_at("fsync", 4), tmp_path / "target").ok


def test_a_call_fails_with_the_chosen_error(tmp_path):
    done = run(faults.fail_at("fsync", "EIO", 2), tmp_path / "target")
    assert done.returncode == 1
    assert "Input/output error" in done.stderr
    assert (tmp_path / "target").read_bytes() == b"12"


def test_only_calls_on_the_chosen_file_are_counted(tmp_path):
    full = tmp_path / "full"
    done = run(faults.fail_at("write", "ENOSPC", 3, path=str(full)), full)
    assert "No space left on device" in done.stderr
    assert full.read_bytes() == b"12"
    assert run(faults.fail_at("write", "ENOSPC", 3, path=str(full)), tmp_path / "other").ok


@pytest.mark.host
def test_a_fault_reaches_into_a_closed_host(closed_host):
    host = closed_host("bookworm")
    python = ["python3", "-I", "-S", "-c", THREE_SYNCS, "/root/target"]
    assert host.run(*python, through=faults.kill_at("fsync", 2)).returncode == -signal.SIGKILL
    assert host.path("/root/target").read_bytes() == b"12"
    failed = host.run(*python, through=faults.fail_at("write", "ENOSPC", 3, path="/root/target"))
    assert "No space left on device" in failed.stderr
