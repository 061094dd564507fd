"""Which interpreter uv reads a lockfile with: none that a project, a user or a version manager chose."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from builder.backends import workshop
from builder.lock.export import read_pylock, uv_environment
from bundle.target import PYTHONS, host_target
from shared.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

HERE = host_target()
NEWER = next((python for python in PYTHONS if tuple(map(int, python.split("."))) > sys.version_info[:2]), None)
PROJECT = """\
[project]
name = "app"
version = "1.0"
requires-python = "{required}"
"""
LOCK = """\
version = 1
revision = 3
requires-python = "{required}"

[[package]]
name = "app"
version = "1.0"
source = {{ virtual = "." }}
"""


def make(folder: Path, required: str, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "1.0"\nrequires-python = "{required}"\n'
    )
    (folder / "uv.lock").write_text(LOCK.format(required=required))
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def make_shims(root: Path, *versions: str) -> Path:
    """Make shims as of pyenv, none of which runs, and a folder of interpreters behind them."""
    shims = root / "shims"
    shims.mkdir(parents=True)
    (root / "versions" / "x" / "bin").mkdir(parents=True)
    for name in ("python", "python3", *(f"python{version}" for version in versions)):
        shim = shims / name
        shim.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
        shim.chmod(0o755)
    return shims


@pytest.mark.parametrize("pin", ["3.8", "3.7.1\n", "pypy3.10", "cpython-3.99", "nonsense"])
def test_a_pinned_python_that_is_not_here_is_not_needed(tmp_path, pin):
    project = make(tmp_path / "p", ">=3.9")
    (project / ".python-version").write_text(pin)
    assert str(read_pylock(project).requires_python) == ">=3.9"


@pytest.mark.skipif(os.name != "posix", reason="a script stands in for an interpreter")
def test_no_python_that_the_project_requires_is_needed(tmp_path):
    assert NEWER
    project = make(tmp_path / "p", f">={NEWER}")
    assert str(read_pylock(project).requires_python) == f">={NEWER}"
    stale = (project / "uv.lock").read_text().replace('"app"\nversion = "1.0"', '"app"\nversion = "0.9"')
    (project / "uv.lock").write_text(stale)
    with pytest.raises(BuildError, match="out of date"):
        read_pylock(project)


def test_a_requirement_that_no_python_meets_is_named(tmp_path):
    with pytest.raises(BuildError) as caught:
        read_pylock(make(tmp_path / "p", ">=4"))
    assert "requires Python >=4, but bundles are for CPython 3.9 to 3.15" in caught.value.what


@pytest.mark.skipif(os.name != "posix", reason="shims of pyenv")
def test_shims_and_environments_that_do_not_run_are_passed_over(tmp_path, monkeypatch):
    shims = make_shims(tmp_path / "pyenv", *PYTHONS)
    monkeypatch.setenv("PATH", f"{shims}:{os.environ['PATH']}")
    project = make(tmp_path / "p", ">=3.9")
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").symlink_to("/nonexistent/python")
    (project / ".venv/pyvenv.cfg").write_text("home = /nonexistent\n")
    assert list(read_pylock(project).packages) == []
    monkeypatch.chdir(project)
    monkeypatch.setattr(workshop, "host_target", lambda: replace(HERE, python="3.1"))
    assert workshop.interpreter_for(HERE).version == HERE.python


def test_the_interpreters_behind_shims_are_found(tmp_path):
    shims = make_shims(tmp_path / "pyenv")
    asdf = make_shims(tmp_path / "asdf")
    (tmp_path / "asdf/versions/x/bin").rmdir()
    (tmp_path / "asdf/installs/python/3.12.1/bin").mkdir(parents=True)
    bare = tmp_path / "bare" / "shims"
    path = uv_environment({"PATH": f"/usr/bin:{shims}:{asdf}:{bare}"})["PATH"].split(":")
    behind = [str(tmp_path / "pyenv/versions/x/bin"), str(tmp_path / "asdf/installs/python/3.12.1/bin")]
    assert path[:-1] == ["/usr/bin", *behind, str(bare)]
