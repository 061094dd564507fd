"""Durable writes (temporary file, fsync, replace, fsync of the folder), own and private files, removal of trees."""

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
    """Return the free space in bytes on a path's filesystem, or None if the host cannot report it."""
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable; Windows has no such call, but MoveFileEx writes through there."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file atomically: a reader, or a host after power loss, sees either the old bytes or the new.

    On Windows, a ``mode`` without permissions for group and others makes the file private; any other has no effect.
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
    """Remove the temporary file on failure; errors then name the target path instead."""
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
    """Open a regular file of the caller, never through a link and never blocking on another process.

    A new file gets ``mode`` regardless of the umask. Raises HostError if anything else exists at the path.
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
    """Move a file over another, or a folder to an unused path; on Windows the move is durable on return."""
    if sys.platform == "win32":  # pragma: no cover - only there
        windows.move(source, target)
    else:
        os.replace(source, target)


def replace_link(path: Path, target: str) -> None:
    """Replace a file with a symbolic link atomically; the caller must sync the folder."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with _beside(beside, path):
        os.symlink(target, beside)
        replace(beside, path)


def clone(source: Path, target: Path) -> bool:
    """Create a copy that shares the blocks of the original until either is written; return whether that succeeded.

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
    """Remove a file; on Windows also one that is read-only, or that a scanner holds open for a moment."""
    _allow_removal(path)
    windows.patiently(path.unlink)


def is_link(path: Path) -> bool:
    """Return whether a path is a link: a symbolic link, or a junction on Windows."""
    return path.is_symlink() or windows.is_junction(path)


def is_exposed(path: Path) -> bool:
    """Return whether other users can read or change a file; False if it is missing or a link.

    On Windows, administrators and the system do not count as other users.
    """
    if is_link(path) or not path.is_file():
        return False
    if sys.platform == "win32":  # pragma: no cover - only there
        return windows.others_reach(windows.read_sddl(path), windows.user_sid())
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def make_private(path: Path) -> None:
    """Restrict a file to its owner (mode 0600); on Windows, administrators and the system retain access."""
    if sys.platform == "win32":  # pragma: no cover - only there
        windows.make_private(path)
    else:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def close_to_others(folder: Path) -> None:
    """Remove write permission of group and others from a folder; no effect if it is missing, or on Windows."""
    if sys.platform != "win32" and folder.is_dir() and not folder.is_symlink():
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            folder.chmod(mode & ~(stat.S_IWGRP | stat.S_IWOTH))


def remove_tree(path: Path) -> None:
    """Remove a tree of any depth, including read-only files and folders.

    It is not an error if the tree is missing or another process removes it at the same time.
    """
    if not os.path.lexists(path):  # or cannot exist, because a parent is not a folder
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
    if sys.platform == "win32" and not is_link(path):  # only Windows refuses to delete read-only files
        os.chmod(path, stat.S_IWRITE)


def sync_filesystem(path: Path) -> None:
    """Flush everything written so far to the filesystem of ``path`` to disk (syncfs, else sync).

    Only administrators may flush a whole disk on Windows, so there only the files in the folder ``path`` are flushed.
    """
    if sys.platform == "win32":  # pragma: no cover - only there
        _sync_files(path)
        return
    import ctypes

    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # must not block if a pipe has replaced it
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
    """Flush every file of a tree; read-only files were flushed before they became read-only.

    A file that another program holds open for seconds is skipped: that program is writing it, not this tool.
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
