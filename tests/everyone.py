"""What users beside the one who runs the tests can reach: a folder, a Python."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def let_in(folder: Path) -> None:
    """Let every user pass through a folder and all above it, which pytest makes for one user alone."""
    for path in (folder, *folder.absolute().parents):
        mode = path.stat().st_mode
        if not mode & 0o001:
            path.chmod(mode | 0o001)


def temporary(folder: Path) -> Path:
    """Make a place for what is temporary, as the system's is: everybody may write in it."""
    place = folder / "tmp"
    place.mkdir()
    place.chmod(0o1777)
    return place


def use_python(patch: pytest.MonkeyPatch) -> str:
    """Let what is started run on a Python that every user may run, and return it; skips where there is none.

    The one that runs the tests may lie in the home of its user.
    """
    version = f"python3.{sys.version_info[1]}"
    ours = getattr(sys, "_base_executable", None) or sys.executable
    for python in (Path(os.path.realpath(ours)), Path("/usr/bin", version), Path("/usr/local/bin", version)):
        if python.exists() and all(path.stat().st_mode & 0o001 for path in (python, *python.parents)):
            patch.setattr(sys, "_base_executable", str(python), raising=False)
            return str(python)
    pytest.skip(f"no {version} here that every user may run")
