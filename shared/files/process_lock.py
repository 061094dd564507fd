"""One lock for all processes that change a prefix; the kernel releases it when its holder dies.

Programs that the holder starts hold it too, so it is free only after every process of a killed run has ended.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from shared import reading, troubles
from shared.errors import BusyError, HostError
from shared.files import aside, files
from shared.i18n import _
from shared.processes import supervised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLL = 0.1  # seconds between two attempts
LINGER = 10.0  # seconds for a killed run's programs to end (shared/processes/supervised.py), even on busy disks


@contextlib.contextmanager
def locked(path: Path, *, wait: float = 0.0, inherited: bool = True) -> Iterator[None]:
    """Hold the lock; raise BusyError if another run still holds it after ``wait`` seconds.

    With ``inherited``, programs that are started in the block hold it too.
    Raises HostError if the guarded folder was removed meanwhile, or if the lock is not a regular file of the caller.
    """
    deadline = time.monotonic() + wait
    handle = files.open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        _acquire(handle, path, deadline)
        while not _is_at(path, handle):  # the previous holder removed it: other runs could not find this lock
            handle = _opened_again(handle, path)
            _acquire(handle, path, deadline)
        os.ftruncate(handle, 0)
        with contextlib.suppress(OSError):  # a full disk must not prevent a rollback
            os.write(handle, str(os.getpid()).encode())
        try:
            with supervised.inherited(handle) if inherited else contextlib.nullcontext():
                yield
        finally:
            with contextlib.suppress(OSError):  # nor prevent reporting how the run ended
                os.ftruncate(handle, 0)  # a run that ended is not a holder
            _release(handle)  # programs that outlive a completed run have it open, and must not block others
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, deadline: float) -> None:
    patience = time.monotonic() + LINGER
    while not _try(handle, path):
        os.lseek(handle, 0, os.SEEK_SET)
        holder = os.read(handle, 32).decode("ascii", "replace").strip()
        if time.monotonic() >= (max(deadline, patience) if _is_gone(holder) else deadline):
            raise BusyError(
                _("Another process ({pid}) is changing {path}.").format(pid=holder or "?", path=path.parent.parent),
                advice=_("Wait until it finishes, or add --wait SECONDS."),
            )
        time.sleep(POLL)


def is_free(path: Path) -> bool:
    """Return whether no process holds a lock of this user now; True if the lock is missing."""
    try:
        handle = files.open_own(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    except (HostError, OSError):
        return False
    try:
        return _try(handle, path)
    except HostError:
        return False
    finally:
        os.close(handle)


def is_taken(handle: int, path: Path) -> bool:
    """Take the lock of an open file until it is closed; return False if another process has it, or if there is none."""
    try:
        return _try(handle, path)
    except HostError:
        return False


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, if its filesystem supports it, so that no other run removes the folder as a leftover."""
    if sys.platform == "win32":  # Windows removes nothing that is in use
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + LINGER
        with contextlib.suppress(HostError):
            while not _try(handle, folder) and time.monotonic() < deadline:
                time.sleep(POLL)  # another run that tests whether it is held holds it for a moment
        yield
    finally:
        os.close(handle)


def is_held(folder: Path) -> bool:
    """Return whether another run holds a folder."""
    if sys.platform == "win32":
        return False
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return not _try(handle, folder)
    except HostError:
        return False
    finally:
        os.close(handle)


def _is_gone(holder: str) -> bool:
    """Return whether the process with the recorded ID has ended, so that only its programs still hold the lock."""
    if sys.platform == "win32" or not holder.isdecimal():
        return False
    try:
        os.kill(int(holder), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        pass  # another user's process
    return False


def make_lockable(path: Path) -> None:
    """Clear the path of a lock if something else exists at it; a lock that is held is not affected."""
    aside.clear(path.parent, folder=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    aside.clear(path)
    if reading.is_regular(path) and sys.platform != "win32" and path.lstat().st_uid != os.geteuid():
        aside.own(path)


def no_locks(folder: Path, error: OSError) -> HostError:
    """Return the error for a filesystem without locks, on which concurrent runs could not be detected."""
    return HostError(
        _("The filesystem of {path} does not support locks: {reason}.").format(
            path=folder, reason=troubles.reason(error)
        ),
        advice=_("Specify a folder on a local disk with --prefix."),
    )


def require_locks(folder: Path, trial: Path) -> None:
    """Raise HostError unless files in a folder can be locked, tested with one in the folder ``trial`` below it."""
    handle = files.open_own(trial / "lock", os.O_RDWR | os.O_CREAT)
    try:
        _try(handle, folder / "lock")
    finally:
        os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    """Return whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _opened_again(handle: int, path: Path) -> int:
    """Close the descriptor and return a new one for the file that is now at the path."""
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

    def _release(handle: int) -> None:
        pass  # programs inherit no descriptors of this process there

    def _try(handle: int, _path: Path) -> bool:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, which remains readable to others
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _release(handle: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)

    def _try(handle: int, path: Path) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:  # ENOLCK, EOPNOTSUPP: some network shares
            raise no_locks(path.parent, error) from error
        return True
