"""Making way for a file of ours where something else lies, or where it is somebody else's."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from itertools import count
from typing import TYPE_CHECKING

from shared import reading
from shared.files import files

if TYPE_CHECKING:
    from pathlib import Path

MOVED = ".moved-"  # and a number: what was neither empty nor ours to remove


def clear(path: Path, *, folder: bool = False) -> None:
    """Make way where something of another kind lies than the file (or folder) that belongs there.

    Links, pipes, sockets, devices and what is empty go; anything else is moved beside, for its owner to inspect.
    """
    if not os.path.lexists(path):
        return
    if path.is_dir() if folder else reading.is_regular(path):
        return
    if reading.is_folder(path):
        try:
            path.rmdir()
        except OSError:
            move(path)
    elif reading.is_regular(path) and path.stat().st_size:
        move(path)
    else:
        path.unlink()


def move(path: Path) -> None:
    """Give what is at a path another name beside it."""
    names = (path.with_name(f"{path.name}{MOVED}{number}") for number in count(1))
    path.rename(next(name for name in names if not os.path.lexists(name)))


def own(path: Path) -> None:
    """Make a file the caller's, or for root that of the folder it is in; its content and mode stay."""
    if sys.platform == "win32":  # pragma: no cover - owners say nothing there
        return
    try:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid, follow_symlinks=False)
    except PermissionError:  # it was given to somebody else: a copy of ours takes its place
        beside = path.with_name(f".{path.name}.own.tmp")
        beside.unlink(missing_ok=True)  # of a run that was killed
        with reading.opened(path) as old, beside.open("xb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
        beside.chmod(stat.S_IMODE(path.stat().st_mode) & 0o777)
        files.replace(beside, path)
