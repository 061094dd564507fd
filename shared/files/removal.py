"""Removing a tree that others made, however deep, and whatever is in it."""

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
    """Remove a real folder with all below it, read-only or not; a link that took its place meanwhile leads nowhere.

    Raises OSError (EBUSY) for a folder in it that another filesystem is mounted on, and leaves that untouched.
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
    """Remove what is no folder from the folder one stands in; return the names of the folders in it."""
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
    except FileNotFoundError:  # gone meanwhile
        return False
    except PermissionError:  # its owner may open it all the same; root never comes here
        here.do(os.chmod, name, stat.S_IRWXU)
        here.down(name)
    return True


def _unlink(here: Folder, name: str) -> None:
    if sys.platform == "win32":  # pragma: no cover - it alone deletes no file that is read-only
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
