"""The user's data as one tree that is exchanged as a whole.

This is how a backup is restored, a migrated copy is activated with its release, and the previous data comes back with a
rollback. The incoming tree and PREFIX/data are exchanged. The journal records the incoming tree and its inode, so that
after an interruption the next command can determine whether they were exchanged, and continue or undo.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
import sys
from typing import TYPE_CHECKING

from installer.userdata import copies
from shared import reading, troubles
from shared.errors import HostError, RagtraceError
from shared.files import files, trees
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from installer.layout.journal import Entry
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

INCOMING = ".ragtrace-data"  # in PREFIX: the tree that a run prepares as the user's data
RESTORED = ".ragtrace-restored"  # in PREFIX: .env and data from a backup
MOVED = "data.moved"  # in PREFIX, for an instant, if two folders cannot be exchanged at once; never deleted
_ASIDE = "data-of-"
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # renameat2(2)


def layout(prefix: Prefix) -> int | None:
    """Return the layout of the user's data, or None if no active release states it."""
    active = prefix.active()
    try:
        return active.manifest().application.data_layout if active else None
    except (RagtraceError, OSError):
        return None


def set_aside(prefix: Prefix, release: Release) -> Path:
    """Return the folder that stores a release's data while a release with another layout is active."""
    return prefix.backups / f"{_ASIDE}{release.id}"


def waiting(prefix: Prefix, release: Release) -> Path | None:
    """Return the data that was set aside for a release, or None if there is none.

    Data set aside for a damaged release is used for its repaired one too, since both have the same manifest.
    """
    counter, digest = release.version_key
    beside = sorted(prefix.backups.glob(f"{_ASIDE}{counter}-{digest}-r*"))
    found = [
        path for path in (set_aside(prefix, release), *reversed(beside)) if path.is_dir() and not path.is_symlink()
    ]
    return found[0] if found else None


def collect(prefix: Prefix, kept: Iterable[Release]) -> None:
    """Remove data that was set aside for versions that were removed, or for the active one, which uses PREFIX/data.

    An active version has such data if it was rolled back and then installed again. Backups of that data are retained.
    """
    active = prefix.active()
    waiting_for = [release for release in kept if active is None or release.version_key != active.version_key]
    wanted = tuple(set_aside(prefix, release).name.rpartition("-r")[0] for release in waiting_for)
    for path in list(prefix.backups.glob(f"{_ASIDE}*")):
        if path.name.rpartition("-r")[0] not in wanted:
            files.remove_tree(path)


def require_plain(prefix: Prefix) -> None:
    """Raise HostError if PREFIX/data cannot be exchanged with another folder."""
    if prefix.data.is_symlink() or is_mount_point(prefix.data):
        raise HostError(
            _("{path} is a link or a mount point and cannot be replaced as a whole.").format(path=prefix.data),
            advice=_("Replace it with a regular folder inside the installation, then try again."),
        )
    for path in (prefix.root, prefix.data):
        troubles.require_changeable(path)
    mounted = next(mounts_in(prefix.data), None)
    if mounted is not None:
        raise HostError(
            _("{path} is a mount point in the data, which cannot be replaced as a whole.").format(path=mounted),
            advice=_(
                "Unmount it and try again; then move any files out of its folder, remount it and move "
                "them back into it."
            ),
        )


def require_movable(prefix: Prefix) -> None:
    """Raise HostError if the data cannot be migrated.

    The previous data must be movable to the backups as a whole, and links in the copy must not lead out of it.
    """
    require_plain(prefix)
    if prefix.backups.is_dir() and prefix.backups.stat().st_dev != prefix.root.stat().st_dev:
        raise HostError(
            _("{path} is on another filesystem; a migration moves the previous data to this folder.").format(
                path=prefix.backups
            ),
            advice=_("Replace it with a regular folder inside the installation, then try again."),
        )
    require_closed(prefix.data)


def require_closed(data: Path) -> None:
    """Raise HostError if a link would let a program that works on a copy of the data write outside the copy.

    A link stays inside if it is relative, has ``..`` only at its start, and does not climb above the data folder.
    """
    for entry in trees.files(data):
        if entry.is_link:
            parts = str(entry.here.do(os.readlink, entry.name)).replace(os.sep, "/").split("/")
            climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
            if parts[0] == "" or os.pardir in parts[climbs:] or climbs > entry.here.depth or os.path.isabs(parts[0]):
                raise HostError(
                    _("{path} is a link that leads out of the data; a migration could change its target.").format(
                        path=entry.path
                    ),
                    advice=_("Replace it with what it points to, or remove it, then try again."),
                )


def is_mount_point(path: Path) -> bool:
    """Return whether a path is a mount point, including a bind mount within one filesystem (same device number)."""
    return os.path.ismount(path) or os.path.join(os.path.realpath(path.parent), path.name) in _mount_points()


def mounts_in(data: Path) -> Iterator[str]:
    """Yield the folders in the data that are mount points or on another filesystem."""
    if not data.is_dir():
        return
    top = os.path.realpath(data)
    for place in _mount_points():
        if place.startswith(top + os.sep):
            yield place
    device = os.stat(data).st_dev
    for entry in trees.walk(data):
        if entry.is_folder and entry.status.st_dev != device:
            yield entry.path


def _mount_points() -> list[str]:
    """Return the mount points of this process (proc_pid_mountinfo(5)), none if the system does not list them."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            places = [line.split()[4] for line in file]
    except (OSError, IndexError):
        return []
    return [os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), place)) for place in places]


def inode(path: Path) -> str:
    """Return the inode number of a folder, which identifies it after a rename."""
    return str(path.lstat().st_ino)


def size(root: Path) -> int:
    """Return the total size in bytes of the files below a folder, not counting holes."""
    return sum(copies.data_bytes(entry.here, entry.name, entry.status) for entry in trees.files(root) if entry.is_file)


def swap_in(prefix: Prefix, entry: Entry) -> None:
    """Exchange the user's data with the incoming tree of a run; does nothing if that was done already."""
    if entry.incoming is None:
        return
    incoming = prefix.root / entry.incoming
    _finish_moving(prefix, entry, incoming)
    if inode(prefix.data) != entry.inode:
        _exchange(incoming, prefix)


def swap_out(prefix: Prefix, entry: Entry) -> None:
    """Undo ``swap_in``, no matter at which step it was interrupted; a tree prepared by the run is removed."""
    if entry.incoming is None:
        return
    incoming = prefix.root / entry.incoming
    _finish_moving(prefix, entry, incoming)
    if prefix.data.is_dir() and inode(prefix.data) == entry.inode:
        _exchange(incoming, prefix)
    if entry.incoming == INCOMING:
        files.remove_tree(incoming)


def keep_previous(prefix: Prefix, entry: Entry) -> None:
    """Set the previous data aside for the previous release; if there is none, remove it: the backup contains it."""
    if entry.incoming is None:
        return
    left = prefix.root / entry.incoming
    if not left.is_dir():
        return
    if entry.former is None:
        files.remove_tree(left)
        return
    target = set_aside(prefix, prefix.release(entry.former))
    if target != left:
        files.remove_tree(target)
        files.replace(left, target)
        files.sync_folder(left.parent)
        files.sync_folder(target.parent)


def finish_restoring(prefix: Prefix, entry: Entry) -> None:
    """Replace settings and data with those staged from a backup; idempotent."""
    restored = prefix.root / RESTORED
    swap_in(prefix, entry)
    settings = restored / prefix.env_file.name
    if settings.is_symlink():
        files.replace_link(prefix.env_file, os.readlink(settings))
    elif settings.is_file():
        status = settings.stat()
        files.write_atomic(prefix.env_file, reading.read(settings, status.st_size), mode=stat.S_IMODE(status.st_mode))
        copies.keep_by_path(settings, prefix.env_file)
    elif prefix.env_file.is_symlink() or prefix.env_file.is_file():
        prefix.env_file.unlink()
    files.sync_folder(prefix.root)


def _exchange(incoming: Path, prefix: Prefix) -> None:
    """Sync a folder, then exchange it with PREFIX/data: atomically on Linux if supported, else in three renames."""
    files.sync_filesystem(incoming)
    if not _exchange_at_once(incoming, prefix.data):
        moved = prefix.root / MOVED
        files.replace(prefix.data, moved)
        try:
            files.replace(incoming, prefix.data)
        except OSError:  # root without CAP_DAC_OVERRIDE cannot move another user's folder
            files.replace(moved, prefix.data)  # so that no program finds the folder missing and creates an empty one
            raise
        files.replace(moved, incoming)
    files.sync_folder(prefix.root)
    files.sync_folder(incoming.parent)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Exchange two folders with renameat2(2); return whether the kernel and the filesystem support that."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # glibc 2.28
    if renameat2 is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)


def _finish_moving(prefix: Prefix, entry: Entry, incoming: Path) -> None:
    """Complete three renames that were interrupted: forward if the incoming tree is in place, else backward."""
    moved = prefix.root / MOVED
    if not os.path.lexists(moved):
        return
    if prefix.data.is_dir() and inode(prefix.data) == entry.inode:
        files.replace(moved, incoming)
    elif not os.path.lexists(prefix.data):
        files.replace(moved, prefix.data)
    files.sync_folder(prefix.root)
