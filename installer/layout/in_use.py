"""Detect whether a release is in use, by a lock that its launchers hold and by the processes in /proc.

A launcher opens COMPLETE for reading, takes a shared lock (flock(2)) and keeps it across ``execve``; the kernel frees
it when the last process that inherited it has ended. To remove a release, the installer needs an exclusive lock.
Programs that were started without a launcher, or by one of an earlier installer, or that closed the inherited file,
hold no lock: they are found by their program, working folder, first argument or mapped files (proc_pid_maps(5)).
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.layout.release import Release

PROC = "/proc"


@contextlib.contextmanager
def claimed(release: Release) -> Iterator[bool]:
    """Yield whether nothing runs from a release; if so, no launcher can start from it within the block.

    If the lock cannot be acquired, for whatever reason, the release counts as in use. A release that was never sealed
    has no file to lock. On Windows the value is always True: ``seal.remove`` checks whether its interpreter is running.
    """
    if sys.platform == "win32":
        yield True
        return
    handle, is_free = _locked(release)
    was_sealed = handle is not None or release.receipt_file.exists()
    try:
        yield is_free and not (was_sealed and users(release))
    finally:
        if handle is not None:
            os.close(handle)


def is_free(release: Release) -> bool:
    """Return whether nothing runs from a release at this moment."""
    with claimed(release) as free:
        return free


def users(release: Release) -> tuple[int, ...]:
    """Return the IDs of the processes that run from a release and that the caller may inspect; none without /proc."""
    place = os.path.realpath(release.path)
    try:
        numbers = [int(name) for name in os.listdir(PROC) if name.isdecimal()]
    except OSError:
        return ()
    return tuple(number for number in sorted(numbers) if _runs_from(place, f"{PROC}/{number}"))


def _runs_from(place: str, process: str) -> bool:
    inside = os.fsencode(place) + b"/"
    for name in ("exe", "cwd"):
        with contextlib.suppress(OSError):  # another user's, or it has ended
            if f"{os.readlink(f'{process}/{name}')}/".startswith(f"{place}/"):
                return True
    with contextlib.suppress(OSError), open(f"{process}/cmdline", "rb") as file:
        if file.read(1 << 16).startswith(inside):
            return True
    with contextlib.suppress(OSError), open(f"{process}/maps", "rb") as file:
        return any(inside in line for line in file)
    return False


if sys.platform == "win32":

    def _locked(_release: Release) -> tuple[int | None, bool]:
        return None, True
else:
    import fcntl

    def _locked(release: Release) -> tuple[int | None, bool]:
        """Return the handle that holds the exclusive lock, or None, and whether the release is free.

        A release without a file to lock is free too.
        """
        try:
            handle = _open(release.complete_file if release.is_complete else release.discarded_file)
        except OSError as error:
            return None, error.errno in (errno.ENOENT, errno.ELOOP)  # none, or a link that no launcher opens
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None, False
        return handle, True

    def _open(mark: Path) -> int:
        """Open a mark, for writing if possible: NFS grants an exclusive lock only on a file open for writing."""
        flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open(mark, os.O_RDWR | flags)
        except OSError:
            return os.open(mark, os.O_RDONLY | flags)
