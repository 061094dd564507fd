"""Compare owners and permissions of the installed files with those that sealing a release sets, and repair them.

Sealing makes every file read-only for all users and programs executable, owned by the owner of the installation.
Windows stores permissions elsewhere, so nothing is inspected there.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer.layout.seal import FOLDER, READ_ONLY, RUNNABLE
from shared import reading
from shared.files import aside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

ANY_X = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
DANGER = stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH
ROUNDS = 64  # nested folders that the owner cannot read
SHARED = 0o755
PROGRAMS = ("bin", "Scripts")  # folders of an environment


@dataclass(frozen=True)
class Wrong:
    """A file or folder, its mode, and whether another user owns it."""

    path: str
    mode: int
    foreign: bool

    @property
    def is_dangerous(self) -> bool:
        """Whether other users may change it, it is set-user-ID or set-group-ID, or its owner cannot read it."""
        return self.foreign or bool(self.mode & DANGER) or not self.mode & stat.S_IRUSR

    @property
    def is_unreadable(self) -> bool:
        return not self.mode & stat.S_IRUSR


def wrong(prefix: Prefix, release: Release | None, denied: list[OSError] | None = None) -> list[Wrong]:
    """Return the entries of releases, store and prefix with the wrong owner or permissions, sorted by path.

    ``release`` is inspected in addition to the complete releases. The error of each folder that this user cannot read
    is added to ``denied``.
    """
    if sys.platform == "win32":
        return []
    found: list[Wrong] = []
    denied = [] if denied is None else denied
    try:
        owner = prefix.root.stat().st_uid
    except OSError:
        return []
    paths = {stored.path for stored in (release, *prefix.complete_releases()) if stored is not None}
    for path in filter(reading.is_folder, paths):
        found += _in_release(str(path), owner, denied)
    if prefix.store.is_dir():
        found += _in_store(str(prefix.store), owner, denied)
    found += _in_prefix(prefix, owner, denied)
    return sorted(found, key=lambda item: item.path)


def _in_release(root: str, owner: int, denied: list[OSError]) -> Iterator[Wrong]:
    status = os.lstat(root)
    if stat.S_IMODE(status.st_mode) != FOLDER or status.st_uid != owner:
        yield Wrong(root, stat.S_IMODE(status.st_mode), status.st_uid != owner)
    waiting = [root]
    while waiting:
        for path, status in _entries(waiting.pop(), denied):
            mode = stat.S_IMODE(status.st_mode)
            if stat.S_ISDIR(status.st_mode):
                waiting.append(path)
                right = mode == FOLDER
            elif stat.S_ISREG(status.st_mode):
                right = mode in (READ_ONLY, RUNNABLE)
            else:
                continue  # a link has no mode of its own; a pipe or a socket was added, and is reported as that
            if not right or status.st_uid != owner:
                yield Wrong(path, mode, status.st_uid != owner)


def _in_prefix(prefix: Prefix, owner: int, denied: list[OSError]) -> Iterator[Wrong]:
    """Yield folders that all users can write to or the owner cannot use, and launchers with wrong owner or permissions.

    A launcher's permissions are wrong if others can change it or its owner cannot read it. The data may belong to
    another user.
    """
    for folder in (prefix.root, prefix.data, *prefix.own_folders):
        if not reading.is_folder(folder):
            continue
        mode = stat.S_IMODE(folder.lstat().st_mode)
        is_shut = folder in prefix.own_folders and mode & stat.S_IRWXU != stat.S_IRWXU
        is_shut |= folder == prefix.bin and mode & (stat.S_IRGRP | stat.S_IXGRP) == stat.S_IRGRP
        if mode & stat.S_IWOTH or is_shut:
            yield Wrong(str(folder), mode, False)
    for path, status in _entries(str(prefix.bin), denied):
        mode = stat.S_IMODE(status.st_mode)
        is_wrong = mode & DANGER or not mode & stat.S_IRUSR or status.st_uid != owner
        if stat.S_ISREG(status.st_mode) and is_wrong:
            yield Wrong(path, mode, status.st_uid != owner)


def _in_store(root: str, owner: int, denied: list[OSError]) -> Iterator[Wrong]:
    for folder, status in _entries(root, denied):
        if not stat.S_ISDIR(status.st_mode):
            continue
        if status.st_mode & stat.S_IWOTH or status.st_mode & stat.S_IRWXU != stat.S_IRWXU or status.st_uid != owner:
            yield Wrong(folder, stat.S_IMODE(status.st_mode), status.st_uid != owner)
        for path, found in _entries(folder, denied):
            mode = stat.S_IMODE(found.st_mode)
            if stat.S_ISREG(found.st_mode) and (mode not in (READ_ONLY, RUNNABLE) or found.st_uid != owner):
                yield Wrong(path, mode, found.st_uid != owner)


def _entries(folder: str, denied: list[OSError]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the entries of a folder with their status; if it cannot be read, the error is added to ``denied``.

    There are tens of thousands of files, so no Path is created, and no context manager entered, for each.
    """
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except FileNotFoundError:
        return
    except OSError as error:
        denied.append(error)
        return
    for entry in found:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:  # a folder that may be listed but not entered
            error.filename = folder
            denied.append(error)
            return
        yield entry.path, status


def repair(prefix: Prefix, release: Release | None) -> None:
    """Restore owners and permissions; a folder that could not be read is inspected after its repair."""
    for _round in range(ROUNDS):
        found = wrong(prefix, release)
        if not found:
            return
        for item in found:
            path = Path(item.path)
            if path.parent in (prefix.bin, prefix.store) or path in (prefix.root, prefix.data, *prefix.own_folders):
                _repair_open(path, item, prefix.root.stat().st_uid)
            else:
                _repair(path, item, prefix.root.stat().st_uid)


def _repair_open(path: Path, item: Wrong, owner: int) -> None:
    """Remove other users' write permission from a folder of the prefix or a launcher, and give the owner access."""
    if item.foreign:
        _take(path, owner)
    if not reading.is_folder(path):
        path.chmod(SHARED)
        return
    mode = item.mode & ~(stat.S_IWGRP | stat.S_IWOTH) | stat.S_IRWXU
    path.chmod(mode | (mode & (stat.S_IRGRP | stat.S_IROTH)) >> 2)  # users who may list it may enter it


def _repair(path: Path, item: Wrong, owner: int) -> None:
    if item.foreign:
        _take(path, owner)
    if reading.is_folder(path):
        path.chmod(FOLDER)
        return
    runs = item.mode & ANY_X or path.parent.name in PROGRAMS or _is_script(path)
    path.chmod(RUNNABLE if runs else READ_ONLY)


def _take(path: Path, owner: int) -> None:
    """Set the owner of a file or folder; without permission to do so, replace it with a copy."""
    try:
        os.chown(path, owner, -1, follow_symlinks=False)
    except PermissionError:
        above = path.parent
        mode = stat.S_IMODE(above.stat().st_mode)
        above.chmod(mode | stat.S_IWUSR)
        try:
            aside.own(path)
        finally:
            above.chmod(mode)


def _is_script(path: Path) -> bool:
    path.chmod(READ_ONLY)
    with reading.opened(path) as file:
        return file.read(2) == b"#!"
