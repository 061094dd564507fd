"""The user's data as one tree that is exchanged whole.

A restored backup comes in like that, a migrated copy with its release, and with a rollback the former data.
The tree that comes in and PREFIX/data change places. The journal names the tree and its inode, so that
whoever finds an unfinished run can tell which of the two is where, and go on or back.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import files, windows
from bootstrap.errors import HostError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootstrap.journal import Entry
    from bootstrap.prefix import Prefix, Release

INCOMING = ".ragtrace-data"  # in PREFIX: what a run has made to become the user's data
RESTORED = ".ragtrace-restored"  # in PREFIX: what a backup held, .env and data
MOVED = "data.moved"  # in PREFIX, for an instant, where two folders cannot change places at once; never cleaned away
_ASIDE = "data-of-"
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # renameat2(2)


def set_aside(prefix: Prefix, release: Release) -> Path:
    """Return where a release's data wait while a release with another layout is active."""
    return prefix.backups / f"{_ASIDE}{release.id}"


def waiting(prefix: Prefix, release: Release) -> Path | None:
    """Return a release's data that were set aside, or None when it shares those of the active one."""
    path = set_aside(prefix, release)
    return path if path.is_dir() and not path.is_symlink() else None


def collect(prefix: Prefix, kept: Iterable[Release]) -> None:
    """Remove data that were set aside for releases that are gone; backups of them stay."""
    wanted = {set_aside(prefix, release).name for release in kept}
    for path in list(prefix.backups.glob(f"{_ASIDE}*")):
        if path.name not in wanted:
            files.remove_tree(path)


def demand_plain(prefix: Prefix) -> None:
    """Raise HostError where PREFIX/data cannot change places with another folder."""
    if prefix.data.is_symlink() or os.path.ismount(prefix.data):
        raise HostError(
            _("{path} is a link or a mount point and cannot be exchanged as a whole.").format(path=prefix.data),
            advice=_("Make it a plain folder of the installation, then run again."),
        )


def inode(path: Path) -> str:
    """Return what tells a folder whatever its name is."""
    return str(path.lstat().st_ino)


def walk(root: Path) -> Iterator[Path]:
    """Yield a folder and every folder, file and link below it, parents first; sockets and pipes hold no data."""
    yield root
    for folder, folders, names in os.walk(root):
        for name in sorted((*folders, *names)):
            path = Path(folder, name)
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                continue  # a running application removes its temporary files
            if stat.S_ISDIR(mode) or stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                yield path


def size(root: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in walk(root) if not path.is_symlink() and path.is_file())


def copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with modes, times, owners and links; what disappears meanwhile is left out."""
    folders = []
    for path in walk(source):
        copy = target / path.relative_to(source)
        try:
            if path.is_symlink():
                os.symlink(os.readlink(path), copy)
            elif path.is_dir():
                copy.mkdir(mode=stat.S_IRWXU)
                folders.append((path, copy))
            else:
                shutil.copyfile(path, copy)
                copy_status(path, copy)
        except FileNotFoundError:
            if os.path.lexists(path):
                raise
    for path, copy in reversed(folders):  # a folder's time and rights come last
        copy_status(path, copy)


def copy_status(source: Path, target: Path) -> None:
    """Give a copy its original's mode, times and, where we may, owner; a private file stays so on Windows too."""
    shutil.copystat(source, target)
    if sys.platform == "win32":  # pragma: no cover - only there
        lists = windows.read_sddl(source), windows.read_sddl(target)
        if windows.must_close(*lists, windows.user_sid()):
            windows.make_private(target)
    give_owner(source.stat(), target)


def give_owner(status: os.stat_result, target: Path) -> None:
    """Give a file or folder the owner that its original has; only root may."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    made = target.stat()
    if (made.st_uid, made.st_gid) == (status.st_uid, status.st_gid):
        return
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(made.st_mode))  # a change of owner takes set-id bits away


def bring_in(prefix: Prefix, entry: Entry) -> None:
    """Make the tree that a run names the user's data, and leave the former in its place; once is enough."""
    if entry.incoming is None:
        return
    incoming = prefix.root / entry.incoming
    _finish_moving(prefix, entry, incoming)
    if inode(prefix.data) != entry.inode:
        _exchange(incoming, prefix)


def take_out(prefix: Prefix, entry: Entry) -> None:
    """Undo ``bring_in``, wherever it was stopped."""
    if entry.incoming is None:
        return
    incoming = prefix.root / entry.incoming
    _finish_moving(prefix, entry, incoming)
    if prefix.data.is_dir() and inode(prefix.data) == entry.inode:
        _exchange(incoming, prefix)
    if entry.incoming == INCOMING:
        files.remove_tree(incoming)


def keep_former(prefix: Prefix, entry: Entry) -> None:
    """Put what ``bring_in`` left aside for the former release; with none it goes, for the backup holds it."""
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
    """Make settings and data what a backup held, from where it was laid ready; twice is as good as once."""
    restored = prefix.root / RESTORED
    bring_in(prefix, entry)
    settings = restored / prefix.env_file.name
    if settings.is_file():
        status = settings.stat()
        files.write_atomic(prefix.env_file, settings.read_bytes(), mode=stat.S_IMODE(status.st_mode))
        copy_status(settings, prefix.env_file)
    elif prefix.env_file.is_file():
        prefix.env_file.unlink()
    files.sync_folder(prefix.root)


def _exchange(incoming: Path, prefix: Prefix) -> None:
    """Let a folder, once it is on the disk, and PREFIX/data change places: at once on Linux, else in three renames."""
    files.sync_filesystem(incoming)
    if not _exchange_at_once(incoming, prefix.data):
        moved = prefix.root / MOVED
        files.replace(prefix.data, moved)
        files.replace(incoming, prefix.data)
        files.replace(moved, incoming)
    files.sync_folder(prefix.root)
    files.sync_folder(incoming.parent)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Tell whether the kernel and the filesystem did it."""
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
