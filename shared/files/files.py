"""Files that last: write beside, fsync, replace, fsync the folder (and removal of read-only trees)."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shared import reading, windows
from shared.errors import HostError
from shared.files import removal
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)


def free_bytes(path: Path) -> int | None:
    """Return the bytes that are free where a path lies, None where the host does not tell: a measure is never fatal."""
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


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
    """Replace a file so that a reader, or a host after power loss, sees the old bytes or the new.

    A ``mode`` that gives nothing to others holds on Windows too; the rest of it means nothing there.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with _beside(beside, path):
        with os.fdopen(_create(beside, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if sys.platform != "win32":
                os.fchmod(file.fileno(), mode)
        replace(beside, path)
    sync_folder(path.parent)


@contextlib.contextmanager
def _beside(beside: Path, path: Path) -> Iterator[None]:
    """Remove what was made beside a path when it cannot take its name; the error names the path that was meant."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)
            del error.filename2
        raise


def open_own(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file of the caller's own, never through a link and never waiting for anybody.

    A new one gets ``mode`` whatever the umask. Raises HostError for anything else that is there.
    """
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags, mode)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a pipe or a socket
            raise _not_own(path) from error
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or (sys.platform != "win32" and status.st_uid != os.geteuid()):
            raise _not_own(path)
        if sys.platform != "win32" and flags & os.O_CREAT and stat.S_IMODE(status.st_mode) != mode:
            os.fchmod(handle, mode)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _not_own(path: Path) -> HostError:
    return HostError(
        _("{path} is not a regular file owned by this user.").format(path=path),
        advice=_("Check what it is and who put it there, then move it away."),
    )


def _create(path: Path, mode: int) -> int:
    if sys.platform == "win32":  # pragma: no cover - only there
        if not mode & (stat.S_IRWXG | stat.S_IRWXO):
            return windows.create_private(path)
        mode = stat.S_IREAD | stat.S_IWRITE
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, mode)


def replace(source: Path, target: Path) -> None:
    """Move a file over another, or a folder to where none is; on Windows it is on the disk then."""
    if sys.platform == "win32":  # pragma: no cover - only there
        windows.move(source, target)
    else:
        os.replace(source, target)


def replace_link(path: Path, target: str) -> None:
    """Put a symbolic link in a file's place, at once; the folder is still to be synced."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with _beside(beside, path):
        os.symlink(target, beside)
        replace(beside, path)


def clone(source: Path, target: Path) -> bool:
    """Make a new file that shares its blocks with another until one is written; return whether the filesystem can.

    FICLONE (ioctl_ficlonerange(2)): btrfs, XFS and others on Linux.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    with reading.opened(source) as old, target.open("xb") as new:
        try:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
        except OSError:
            pass
        else:
            return True
    target.unlink()
    return False


def unlink(path: Path) -> None:
    """Remove a file; on Windows also one that is read-only, or that a scanner holds for a moment."""
    _allow_removal(path)
    windows.patiently(path.unlink)


def is_link(path: Path) -> bool:
    """Return whether a path leads elsewhere: a symbolic link, or a junction of Windows."""
    return path.is_symlink() or windows.is_junction(path)


def is_exposed(path: Path) -> bool:
    """Return whether a file can be read or changed by others; what is missing, or a link, says nothing.

    On Windows administrators and the system are nobody else.
    """
    if is_link(path) or not path.is_file():
        return False
    if sys.platform == "win32":  # pragma: no cover - only there
        return windows.others_reach(windows.read_sddl(path), windows.user_sid())
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def make_private(path: Path) -> None:
    """Take every right to a file from everybody but its owner."""
    if sys.platform == "win32":  # pragma: no cover - only there
        windows.make_private(path)
    else:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def close_to_others(folder: Path) -> None:
    """Take the right to write in a folder from group and others; a missing one, or one of Windows, stays as it is."""
    if sys.platform != "win32" and folder.is_dir() and not folder.is_symlink():
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            folder.chmod(mode & ~(stat.S_IWGRP | stat.S_IWOTH))


def remove_tree(path: Path) -> None:
    """Remove a tree, however deep, even when its files and folders are read-only.

    One that is missing, or that another run removes at the same time, is fine.
    """
    if not os.path.lexists(path):  # nor can it be where a folder above is none
        return
    try:
        if is_link(path) or not path.is_dir():
            unlink(path)
        else:
            removal.remove(path)
    except FileNotFoundError:
        if os.path.lexists(path):
            raise


def _allow_removal(path: Path) -> None:
    if sys.platform == "win32" and not is_link(path):  # it alone deletes no file that is read-only
        os.chmod(path, stat.S_IWRITE)


def sync_filesystem(path: Path) -> None:
    """Make everything written so far to the filesystem of ``path`` last (syncfs, else sync).

    Windows lets only administrators flush a whole disk: there it is the files in the folder ``path``.
    """
    if sys.platform == "win32":  # pragma: no cover - only there
        _sync_files(path)
        return
    import ctypes

    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place never answers
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(handle) != 0:
            number = ctypes.get_errno()
            if number != errno.ENOSYS:
                raise OSError(number, os.strerror(number), str(path))
            os.sync()  # a kernel or a sandbox without it
    finally:
        os.close(handle)


def _sync_files(root: Path) -> None:  # pragma: no cover - Windows only
    """Flush every file of a tree; one that is read-only was flushed by whoever made it so.

    One that a program keeps open against us for seconds is being written by that program, not by us.
    """
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not windows.is_junction(Path(folder, name))]
        for path in (os.path.join(folder, name) for name in names):
            if os.access(path, os.W_OK):
                with contextlib.suppress(PermissionError):
                    windows.patiently(lambda path=path: _sync_file(path))  # type: ignore[misc]


def _sync_file(path: str) -> None:  # pragma: no cover - Windows only
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
