"""The scanners: their own lockfile, their wheels for a target, and an environment with them for the builder."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.lock.lock import read_lock, select_wheels
from builder.lock.locked import lock_rows
from builder.lockfiles.uv_lock import UvLock
from builder.members import Member, member
from builder.wheels.wheels import fetch_wheels, require_apart, wheel_facts
from bundle.advisories.safety import TIMEOUT
from bundle.advisories.scanner import environment
from bundle.digest import sha256_bytes
from bundle.lock import write_pylock
from bundle.manifest import KINDS
from bundle.target import host_target
from bundle.wheels.sizes import Unpacked, installed
from shared.files import files, temp_folders
from shared.i18n import plural
from shared.processes import process
from shared.programs.uv import Uv, base_interpreter

if TYPE_CHECKING:
    from builder.fetch.fetching import Fetching
    from builder.lock.locked import LockedWheel
    from bundle.target import Target

LOCK = Path(__file__).parent.parent / "tools_lock"
KIND = "verification"
FOLDER = f"{KINDS[KIND]}/tools"


@dataclass(frozen=True)
class Tools:
    """The scanners of a target: the members of its bundle, and their size once installed."""

    members: tuple[Member, ...]
    unpacked: Unpacked


def tools_of(target: Target, fetching: Fetching) -> Tools:
    """Return the scanners' wheels for a target. Raises BuildError if one is not available or two conflict."""
    paths = _fetch(target, fetching)
    require_apart(((path, wheel.filename) for wheel, path in paths.items()), target)
    facts = [wheel_facts(path, wheel) for wheel, path in paths.items()]
    return Tools(
        tuple(member(f"{FOLDER}/{wheel.filename}", KIND, path) for wheel, path in paths.items()),
        installed((), [fact.unpacked for fact in facts]),
    )


def selected(target: Target) -> tuple[LockedWheel, ...]:
    """Return the scanners' wheels for a target, of which none has to be fetched."""
    return select_wheels(read_lock(UvLock(LOCK)), target).wheels


def _fetch(target: Target, fetching: Fetching) -> dict[LockedWheel, Path]:
    wheels = selected(target)
    fetching.progress.step(
        plural("Fetching {count} wheel of the scanners", "Fetching {count} wheels of the scanners", len(wheels)).format(
            count=len(wheels)
        )
    )
    return fetch_wheels(wheels, fetching)


def own_python(fetching: Fetching) -> Path:
    """Return the interpreter of this machine's environment for scanners, created once per lockfile and Python."""
    paths = _fetch(host_target(), fetching)
    lock = write_pylock(lock_rows(list(paths)))
    name = sha256_bytes(lock + f"{base_interpreter()} {sys.version}".encode())[:16]
    place = fetching.cache.root.absolute() / "tools" / name
    if not place.is_dir():
        _make(place, paths, lock)
    return _python(place)


def _python(place: Path) -> Path:
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _make(place: Path, paths: dict[LockedWheel, Path], lock: bytes) -> None:
    """Create the environment next to its final place and move it there, so that it is never incomplete."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in temp_folders.abandoned(place.parent):
        files.remove_tree(left)
    with temp_folders.folder(place.parent) as scratch:
        _make_in(scratch, place, paths, lock)


def _make_in(scratch: Path, place: Path, paths: dict[LockedWheel, Path], lock: bytes) -> None:
    uv = Uv(scratch)
    try:
        uv.venv(scratch / "venv", base_interpreter())
        (scratch / "wheels").mkdir()
        for wheel, path in paths.items():
            os.link(path, scratch / "wheels" / wheel.filename)
        (scratch / "pylock.toml").write_bytes(lock)
        uv.sync(_python(scratch / "venv"), scratch / "pylock.toml")
        # compile the bytecode for later starts; a scanner that fails is reported when it is used
        process.run(
            [str(_python(scratch / "venv")), "-I", "-c", "import safety.safety, picklescan.scanner"],
            env=environment(scratch),
            timeout=TIMEOUT,
        )
        if not place.is_dir():
            os.replace(scratch / "venv", place)
    finally:
        uv.close()
