"""Removal of untrusted trees of any depth and content."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from shared import windows
from shared.files.trees import Folder

if TYPE_CHECKING:
    from pathlib import Path


def remove(root: Path) -> None:
    """Remove a real folder and its contents, read-only or not; a link that replaced it meanwhile is not followed.

    Raises OSError (EBUSY) if another filesystem is mounted on a folder in it, and leaves that untouched.
    """
    with Folder(root, follow=False) as here:
        device = here.status().st_dev
        waiting = [_emptied(here, device)]
        while waiting:
            if waiting[-1]:
                if _went_down(here, waiting[-1].pop()):
                    waiting.append(_emptied(here, device))
                continue
            waiting.pop()
            if waiting:
                name = here.up()
                with suppress(FileNotFoundError):  # another run removed it meanwhile
                    windows.patiently(lambda name=name: here.do(os.rmdir, name))  # type: ignore[misc]
    windows.patiently(lambda: os.rmdir(root))


def _emptied(here: Folder, device: int) -> list[str]:
    """Remove everything except folders from the current folder; return the names of its folders."""
    status = here.status()
    if status.st_dev != device:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), here.path(""))
    if status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
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
    except PermissionError:  # its owner can change its mode; root never gets this error
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
