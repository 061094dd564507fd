"""The user's data as one tree that is exchanged whole.

A restored backup comes in like that, a migrated copy with its release, and with a rollback the previous data.
The tree that comes in and PREFIX/data change places. The journal names the tree and its inode, so that
whoever finds an unfinished run can tell which of the two is where, and go on or back.
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

INCOMING = ".ragtrace-data"  # in PREFIX: what a run has made to become the user's data
RESTORED = ".ragtrace-restored"  # in PREFIX: what a backup held, .env and data
MOVED = "data.moved"  # in PREFIX, for an instant, where two folders cannot change places at once; never cleaned away
_ASIDE = "data-of-"
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # renameat2(2)


def layout(prefix: Prefix) -> int | None:
    """Return the layout of the user's data, or None where no available release says so."""
    active = prefix.active()
    try:
        return active.manifest().application.data_layout if active else None
    except (RagtraceError, OSError):
        return None


def set_aside(prefix: Prefix, release: Release) -> Path:
    """Return where a release's data wait while a release with another layout is active."""
    return prefix.backups / f"{_ASIDE}{release.id}"


def waiting(prefix: Prefix, release: Release) -> Path | None:
    """Return a release's data that were set aside, or None when it shares those of the active one.

    Those of a damaged release are its repair's too: both are made from one manifest.
    """
    counter, digest = release.made_from
    beside = sorted(prefix.backups.glob(f"{_ASIDE}{counter}-{digest}-r*"))
    found = [
        path for path in (set_aside(prefix, release), *reversed(beside)) if path.is_dir() and not path.is_symlink()
    ]
    return found[0] if found else None


def collect(prefix: Prefix, kept: Iterable[Release]) -> None:
    """Remove data that were set aside for versions that are gone, or for the active one, whose data are PREFIX/data.

    Those of an active version wait where it was gone back from, and was then installed anew. Backups of them stay.
    """
    active = prefix.active()
    waiting_for = [release for release in kept if active is None or release.made_from != active.made_from]
    wanted = tuple(set_aside(prefix, release).name.rpartition("-r")[0] for release in waiting_for)
    for path in list(prefix.backups.glob(f"{_ASIDE}*")):
        if path.name.rpartition("-r")[0] not in wanted:
            files.remove_tree(path)


def require_plain(prefix: Prefix) -> None:
    """Raise HostError where PREFIX/data cannot change places with another folder."""
    if prefix.data.is_symlink() or is_mount_point(prefix.data):
        raise HostError(
            _("{path} is a link or a mount point and cannot be replaced as a whole.").format(path=prefix.data),
            advice=_("Replace it with a plain folder of the installation, then try again."),
        )
    for path in (prefix.root, prefix.data):
        troubles.require_changeable(path)
    mounted = next(mounts_in(prefix.data), None)
    if mounted is not None:
        raise HostError(
            _("{path} is a mount point in the data, which cannot be replaced as a whole.").format(path=mounted),
            advice=_("Unmount it and try again; then mount it and move its files back into it."),
        )


def require_movable(prefix: Prefix) -> None:
    """Raise HostError where the data cannot be migrated: they go aside whole, and their copy holds nothing of them."""
    require_plain(prefix)
    if prefix.backups.is_dir() and prefix.backups.stat().st_dev != prefix.root.stat().st_dev:
        raise HostError(
            _("{path} is on another filesystem; a migration moves the previous data there.").format(
                path=prefix.backups
            ),
            advice=_("Replace it with a plain folder of the installation, then try again."),
        )
    require_closed(prefix.data)


def require_closed(data: Path) -> None:
    """Raise HostError for a link by which a program in a copy of the data would write into what is no copy.

    A link stays in the data when it is relative and climbs, by leading ``..`` alone, no higher than their folder.
    """
    for entry in trees.files(data):
        if entry.is_link:
            parts = str(entry.here.do(os.readlink, entry.name)).replace(os.sep, "/").split("/")
            climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
            if parts[0] == "" or os.pardir in parts[climbs:] or climbs > entry.here.depth or os.path.isabs(parts[0]):
                raise HostError(
                    _("{path} is a link to outside the data: a migration could change its target.").format(
                        path=entry.path
                    ),
                    advice=_("Replace it with what it points to, or remove it, then try again."),
                )


def is_mount_point(path: Path) -> bool:
    """Return whether something is mounted on a file or folder, from the same filesystem too, which its device hides."""
    return os.path.ismount(path) or os.path.join(os.path.realpath(path.parent), path.name) in _mount_points()


def mounts_in(data: Path) -> Iterator[str]:
    """Yield folders of the data that are on another filesystem than they are, or mounted from elsewhere in it."""
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
    """Return where Linux says that something is mounted, nothing where it doesn't (proc_pid_mountinfo(5))."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            places = [line.split()[4] for line in file]
    except (OSError, IndexError):
        return []
    return [os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), place)) for place in places]


def inode(path: Path) -> str:
    """Return what identifies a folder whatever its name is."""
    return str(path.lstat().st_ino)


def size(root: Path) -> int:
    """Return the bytes of all files below a folder, without their holes."""
    return sum(copies.data_bytes(entry.here, entry.name, entry.status) for entry in trees.files(root) if entry.is_file)


def swap_in(prefix: Prefix, entry: Entry) -> None:
    """Make the tree that a run names the user's data, and leave the previous data in its place; once is enough."""
    if entry.incoming is None:
        return
    incoming = prefix.root / entry.incoming
    _finish_moving(prefix, entry, incoming)
    if inode(prefix.data) != entry.inode:
        _exchange(incoming, prefix)


def swap_out(prefix: Prefix, entry: Entry) -> None:
    """Undo ``swap_in``, wherever it was stopped."""
    if entry.incoming is None:
        return
    incoming = prefix.root / entry.incoming
    _finish_moving(prefix, entry, incoming)
    if prefix.data.is_dir() and inode(prefix.data) == entry.inode:
        _exchange(incoming, prefix)
    if entry.incoming == INCOMING:
        files.remove_tree(incoming)


def keep_previous(prefix: Prefix, entry: Entry) -> None:
    """Put what ``swap_in`` left aside for the previous release; with none it goes, for the backup holds it."""
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
    """Make settings and data what a backup held, from where it was staged; idempotent."""
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
    """Let a folder, once it is on the disk, and PREFIX/data change places: at once on Linux, else in three renames."""
    files.sync_filesystem(incoming)
    if not _exchange_at_once(incoming, prefix.data):
        moved = prefix.root / MOVED
        files.replace(prefix.data, moved)
        try:
            files.replace(incoming, prefix.data)
        except OSError:  # root without CAP_DAC_OVERRIDE moves no folder of another to another place
            files.replace(moved, prefix.data)  # nobody is to find none, and make an empty one there
            raise
        files.replace(moved, incoming)
    files.sync_folder(prefix.root)
    files.sync_folder(incoming.parent)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Return whether the kernel and the filesystem did it."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # glibc 2.28
    if renameat2 is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)


def _finish_moving(prefix: Prefix, entry: Entry, incoming: Path) -> None:
    """End three renames that were stopped in their midst: forward when the tree has come in, else back."""
    moved = prefix.root / MOVED
    if not os.path.lexists(moved):
        return
    if prefix.data.is_dir() and inode(prefix.data) == entry.inode:
        files.replace(moved, incoming)
    elif not os.path.lexists(prefix.data):
        files.replace(moved, prefix.data)
    files.sync_folder(prefix.root)
