"""Running a program without network and without the files of this user: in namespaces, where Linux allows them."""

from __future__ import annotations

import functools
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.files import temp_folders
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROGRAM = (Path(__file__).parent / "enclosed.py").read_text(encoding="utf-8")
TRY_TIME_LIMIT = 60.0  # seconds
REFUSED = 125
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store")


@dataclass(frozen=True)
class Enclosure:
    """The view of an enclosed program: folders it may write to and read, and those hidden even in system folders.

    ``root`` is an empty folder, on which the program's own filesystem is mounted.
    """

    root: Path
    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()


def run(
    argv: Sequence[str], enclosure: Enclosure, *, cwd: Path, env: Mapping[str, str], timeout: float
) -> process.Completed:
    """Run a program, enclosed if this machine allows it; any processes that it starts are stopped when it exits."""
    if is_available():
        argv = _enclosed(argv, enclosure, cwd)
    return process.run(argv, env=env, cwd=cwd, timeout=timeout)


@functools.lru_cache(maxsize=1)
def is_available() -> bool:
    """Return whether this machine allows namespaces, by trying them once."""
    if not sys.platform.startswith("linux"):
        return False
    with temp_folders.scratch() as folder:
        argv = _enclosed(["/bin/sh", "-c", "exit 3"], Enclosure(folder, ()), Path("/"))
        ended = process.run(argv, env={"PATH": os.defpath}, timeout=TRY_TIME_LIMIT)
    return ended.returncode == 3  # nothing else returns it


def _enclosed(argv: Sequence[str], enclosure: Enclosure, cwd: Path) -> list[str]:
    request = {
        "root": str(enclosure.root),
        "system": SYSTEM,
        "writable": _texts(enclosure.writable),
        "readable": _texts(enclosure.readable),
        "hidden": [path for path in _texts(enclosure.hidden) if _may_hide(path)],
        "cwd": str(cwd),
        "refused": REFUSED,
    }
    return [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, json.dumps(request), *argv]


def _texts(paths: Iterable[Path]) -> list[str]:
    """Return absolute paths, outer ones first."""
    return sorted({os.path.realpath(path) for path in paths})


def _may_hide(path: str) -> bool:
    """Return whether a path can be hidden: never the root or a folder that contains the system's own."""
    return not any(system == path or system.startswith(path.rstrip("/") + "/") for system in SYSTEM)


def was_refused(done: process.Completed) -> bool:
    """Return whether the program was not started, because it could not be enclosed."""
    return done.returncode == REFUSED and "enclosed: " in done.stderr
