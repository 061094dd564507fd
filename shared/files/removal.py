"""Removal of untrusted trees of any depth and content."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from shared import windows
from shared.files.trees import Folder

if TYPE_CHECKING:
    from pathlib import Path

WORKERS, DEPTH, MANY, MOST = 4, 7, 32, 4096  # threads; levels below a root to search for so many folders; their most


def remove(root: Path) -> None:
    """Remove a real folder and its contents, read-only or not; a link that replaced it meanwhile is not followed.

    The folders of a large tree are emptied side by side first, because a removal mostly waits for the disk. Raises
    OSError (EBUSY) if another filesystem is mounted on a folder in it, and leaves that untouched.
    """
    parts = _parts(os.fspath(root))
    if parts:
        stopped, pool = threading.Event(), ThreadPoolExecutor(WORKERS)
        try:
            with suppress(RuntimeError):  # a host without threads to spare
                for _done in pool.map(lambda part: _empty(root, part, stopped), parts):
                    pass
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)
    _empty(root, (), threading.Event())
    windows.patiently(lambda: os.rmdir(root))


def _parts(root: str) -> list[tuple[str, ...]]:
    """Return the names that lead to each folder of the first level that has MANY, or none for a small tree.

    If a level has more than MOST folders, the rest are left to the final removal. A folder is reached from ``root`` by
    descriptors, so that no link is followed.
    """
    if sys.platform == "win32":
        return []
    level: list[tuple[str, ...]] = [()]
    for _depth in range(DEPTH):
        below = ((*above, name) for above in level for name in _folders(os.path.join(root, *above)))
        level = list(islice(below, MOST))
        if len(level) >= MANY:
            return level
    return []


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in islice(entries, MOST) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []  # removed meanwhile, or to be opened first by whoever removes it


def _empty(root: Path, part: tuple[str, ...], stopped: threading.Event) -> None:
    """Empty a folder, or the one below it that some names lead to, unless that is stopped."""
    with Folder(root, follow=False) as here:
        device = here.status().st_dev
        for name in part:
            if not _went_down(here, name):
                return
            _require_device(here, device)
        waiting = [_emptied(here, device)]
        while waiting and not stopped.is_set():
            if waiting[-1]:
                if _went_down(here, waiting[-1].pop()):
                    waiting.append(_emptied(here, device))
                continue
            waiting.pop()
            if waiting:
                name = here.up()
                with suppress(FileNotFoundError):  # another run removed it meanwhile
                    windows.patiently(lambda name=name: here.do(os.rmdir, name))  # type: ignore[misc]


def _require_device(here: Folder, device: int) -> None:
    if here.status().st_dev != device:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), here.path(""))


def _emptied(here: Folder, device: int) -> list[str]:
    """Remove everything except folders from the current folder; return the names of its folders."""
    _require_device(here, device)
    if here.status().st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(here.handle, stat.S_IRWXU)
    below = []
    for name, is_folder in here.kinds():
        if is_folder:
            below.append(name)
        else:
            _unlink(here, name)
    return below


def _went_down(here: Folder, name: str) -> bool:
    try:
        here.down(name)
    except FileNotFoundError:  # removed meanwhile
        return False
    except PermissionError:  # the owner can change the modes of both; root never gets this error
        if here.status().st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(here.handle, stat.S_IRWXU)
        here.do(os.chmod, name, stat.S_IRWXU)
        here.down(name)
    return True


def _unlink(here: Folder, name: str) -> None:
    if sys.platform == "win32":  # pragma: no cover - only Windows refuses to delete read-only files
        path = here.path(name)
        if windows.is_junction(path):
            os.rmdir(path)
            return
        if not os.path.islink(path):
            os.chmod(path, stat.S_IWRITE)
    try:
        windows.patiently(lambda: here.do(os.unlink, name))
    except FileNotFoundError:
        pass
