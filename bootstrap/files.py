"""Files that last: write beside, fsync, replace, fsync the folder (and removal of read-only trees)."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make a folder's entries last. Windows has no such call: MoveFileEx writes through there."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file so that a reader, or a host after power loss, sees the old bytes or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if sys.platform != "win32":
            os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        if beside.exists():
            beside.unlink()
        raise
    sync_folder(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a tree even when its files and folders are read-only. A missing one is fine."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        _allow_removal(path)
        path.unlink()
        return
    for folder, _folders, files in os.walk(path):
        os.chmod(folder, stat.S_IRWXU)
        for name in files:
            _allow_removal(Path(folder, name))
    shutil.rmtree(path)


def _allow_removal(path: Path) -> None:
    """Windows alone deletes no file that is read-only."""
    if sys.platform == "win32":
        os.chmod(path, stat.S_IWRITE)


def sync_filesystem(path: Path) -> None:
    """Make everything written so far to the filesystem of ``path`` last (syncfs, else sync)."""
    if sys.platform == "win32":
        return
    import ctypes

    handle = os.open(path, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)
