"""The number of system calls of the installer's commands does not grow unnoticed (make bench-guard)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import needs

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "guard.py"


def test_no_command_makes_many_more_system_calls_than_committed() -> None:
    with needs.or_skip():
        if sys.platform != "linux":
            raise needs.Unavailable("strace is of Linux", installable=False)
        needs.program("strace", package="strace")
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def guard() -> Any:
    spec = importlib.util.spec_from_file_location("guard", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_more_than_a_tenth_is_too_many(guard) -> None:
    committed = {"install": 1000, "uninstall": 1000}
    assert guard.grown({"install": 1101, "uninstall": 1099}, committed) == ["install"]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_strace_that_counts_nothing_is_no_pass(guard, tmp_path) -> None:
    (tmp_path / "strace").write_text('#!/bin/sh\nfor a; do case $a in --output=*) : > "${a#--output=}";; esac; done\n')
    (tmp_path / "strace").chmod(0o755)
    with pytest.raises(SystemExit, match="strace counted nothing"):
        guard.count(["install"], {"PATH": f"{tmp_path}:/usr/bin:/bin"}, tmp_path)
