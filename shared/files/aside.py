"""Clearing the path of one of this tool's files if something of another kind, or of another user, exists at it."""

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

MOVED = ".moved-"  # followed by a number: the new name of a file that was neither empty nor this tool's to remove


def clear(path: Path, *, folder: bool = False) -> None:
    """Clear a path of anything but a file (or a folder, with ``folder``).

    Links, pipes, sockets, devices and empty files or folders are removed; anything else is renamed, so that its owner
    can inspect it.
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
    """Rename the file or folder at a path to an unused name next to it."""
    names = (path.with_name(f"{path.name}{MOVED}{number}") for number in count(1))
    path.rename(next(name for name in names if not os.path.lexists(name)))


def own(path: Path) -> None:
    """Change a file's owner to the caller, or for root to the owner of its folder; content and mode do not change."""
    if sys.platform == "win32":  # pragma: no cover - owners have no meaning there
        return
    try:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid, follow_symlinks=False)
    except PermissionError:  # it belongs to another user: replace it with a copy
        beside = path.with_name(f".{path.name}.own.tmp")
        beside.unlink(missing_ok=True)  # left by a run that was killed
        with reading.opened(path) as old, beside.open("xb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
        beside.chmod(stat.S_IMODE(path.stat().st_mode) & 0o777)
        files.replace(beside, path)
