"""One lock for all processes that change a prefix; the kernel frees it when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from bootstrap import files
from bootstrap.errors import BusyError, HostError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLL = 0.1  # seconds between two tries


@contextlib.contextmanager
def locked(path: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock; raise BusyError when another run still holds it after ``wait`` seconds.

    Raises HostError when what it guards was removed meanwhile, and for a lock that is no file of the caller's.
    """
    deadline = time.monotonic() + wait
    handle = files.open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        _acquire(handle, path, deadline)
        while not _is_at(path, handle):  # the run that was waited for removed it: nobody else would find this one held
            handle = _opened_again(handle, path)
            _acquire(handle, path, deadline)
        os.ftruncate(handle, 0)
        with contextlib.suppress(OSError):  # a full disk is no reason against a rollback
            os.write(handle, str(os.getpid()).encode())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # nor against telling how the run ended
                os.ftruncate(handle, 0)  # a run that ended is nobody's holder
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, deadline: float) -> None:
    while not _try(handle):
        if time.monotonic() >= deadline:
            os.lseek(handle, 0, os.SEEK_SET)
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            raise BusyError(
                _("Another run (process {pid}) is changing {path}.").format(pid=holder or "?", path=path.parent.parent),
                advice=_("Wait until it has ended, or add --wait SECONDS."),
            )
        time.sleep(POLL)


def _is_at(path: Path, handle: int) -> bool:
    """Tell whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _opened_again(handle: int, path: Path) -> int:
    """Close what was open and return what lies there now."""
    try:
        newer = files.open_own(path, os.O_RDWR | os.O_CREAT)
    except FileNotFoundError as error:
        raise HostError(
            _("{path} was removed while this run waited.").format(path=path.parent.parent),
            advice=_("Run the same command again."),
        ) from error
    os.close(handle)
    return newer


if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> bool:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, which stays readable to others
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _try(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
