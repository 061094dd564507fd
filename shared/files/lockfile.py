"""One lock for all processes that change a prefix; the kernel frees it when its holder dies.

Programs that the holder starts keep it too, so that it is free only when nothing of a killed run lives any more.
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

POLL = 0.1  # seconds between two tries
LINGER = 10.0  # seconds that a killed run's programs get to end (shared/processes/supervised.py), busy disks included


@contextlib.contextmanager
def locked(path: Path, *, wait: float = 0.0, inherited: bool = True) -> Iterator[None]:
    """Hold the lock; raise BusyError when another run still holds it after ``wait`` seconds.

    Unless it is not ``inherited``, programs that are started meanwhile hold it too.
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
            with supervised.inherited(handle) if inherited else contextlib.nullcontext():
                yield
        finally:
            with contextlib.suppress(OSError):  # nor against telling how the run ended
                os.ftruncate(handle, 0)  # a run that ended is nobody's holder
            _release(handle)  # what still runs after a whole run has it open, and is no reason to wait
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
    """Return whether nobody holds a lock of this user now; a missing one is held by nobody."""
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


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no other run takes it for a leftover, wherever its filesystem can lock one."""
    if sys.platform == "win32":  # which removes nothing that is in use
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + LINGER
        with contextlib.suppress(HostError):
            while not _try(handle, folder) and time.monotonic() < deadline:
                time.sleep(POLL)  # who asks whether it is held has it for a moment
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
    """Return whether whoever noted its process ID has ended, and only programs that it started hold the lock."""
    if sys.platform == "win32" or not holder.isdecimal():
        return False
    try:
        os.kill(int(holder), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        pass  # another user's
    return False


def make_lockable(path: Path) -> None:
    """Make way for a lock where something else is in its place; one that is held is not disturbed."""
    aside.clear(path.parent, folder=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    aside.clear(path)
    if reading.is_regular(path) and sys.platform != "win32" and path.lstat().st_uid != os.geteuid():
        aside.own(path)


def no_locks(folder: Path, error: OSError) -> HostError:
    """Return what a filesystem without locks means: two runs at once could not be told apart."""
    return HostError(
        _("The filesystem of {path} does not support locks: {reason}.").format(
            path=folder, reason=troubles.reason(error)
        ),
        advice=_("Specify a folder on a local disk with --prefix."),
    )


def require_locks(folder: Path, trial: Path) -> None:
    """Raise HostError unless files in a folder can be locked, tried with one in a ``trial`` folder below it."""
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
    """Close what was open and return what is there now."""
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
        pass  # programs get no descriptors of ours there

    def _try(handle: int, _path: Path) -> bool:
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

    def _release(handle: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)

    def _try(handle: int, path: Path) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:  # ENOLCK, EOPNOTSUPP: some shares of a network
            raise no_locks(path.parent, error) from error
        return True
