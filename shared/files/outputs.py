"""Output files that the caller names: ``--output FILE``, an export, metrics.

The name may refer to anything: a stream of this process, a device, a pipe, a link, a file in another user's
folder. These rules apply:
1. ``-``, /dev/stdout, /dev/stderr and /dev/fd/N are descriptors of this process, recognized by name.
2. The only devices that are written are null, full and the caller's terminal, recognized by their number after opening.
3. A pipe is opened without blocking, refused if it has no reader, and written with a time limit.
4. A regular file is replaced by renaming a new one over it. Its folder is reached from the root by
   descriptors; a folder or link that neither root nor the caller owns, or that other users can change, is refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import select
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from shared import troubles
from shared.errors import HostError, UsageError
from shared.files import files, output_place
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2, "/proc/self/fd/1": 1, "/proc/self/fd/2": 2}
DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,9})")
PIPE_SECONDS = 30.0  # how long a reader may block a write


def descriptor(path: Path | str) -> int | None:
    """Return the descriptor of this process that a name refers to, or None for any other name."""
    text = str(path)
    matched = DESCRIPTOR.fullmatch(text)
    return STREAMS.get(text, int(matched[1]) if matched else None)


def _callers(path: Path | str) -> int | None:
    """Return the descriptor of the caller that a name refers to, or None for any other name.

    The caller's descriptors have survived an exec; those that Python opens do not (PEP 446). Raises OSError for the
    latter.
    """
    own = descriptor(path)
    if own is not None and own > max(STREAMS.values()) and not os.get_inheritable(own):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return own


def write(path: Path | str, data: bytes, *, mode: int = 0o600) -> None:
    """Write all of ``data`` to the output that the caller named; a new regular file gets ``mode``.

    An existing file's permission bits are added to ``mode``. Raises HostError with the reason in one sentence.
    """
    with _reported(path):
        own = _callers(path)
        if own is not None:
            _flush()
            _write_to(own, data, path)
        elif sys.platform == "win32":  # pragma: no cover - only there
            _write_on_windows(Path(path), data, mode)
        else:
            with output_place.reached(path) as place:
                _write_at(place, path, data, mode)


def append(path: Path | str, data: bytes, *, mode: int = 0o600) -> None:
    """Append ``data`` to the output that the caller named, all of it or nothing. Raises HostError if that fails."""
    with _reported(path):
        if descriptor(path) is not None:
            write(path, data)
        elif sys.platform == "win32":  # pragma: no cover - only there
            _append_to(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_BINARY, mode), data)
        else:
            with output_place.reached(path) as place:
                _append_at(place, path, data, mode)


def _append_at(place: output_place.Place, path: Path | str, data: bytes, mode: int) -> None:
    found = place.status()
    output_place.require_kind(found, path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        _write_at(place, path, data, mode)
        return
    # opened each time, because the file may be renamed or removed between two calls
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    _append_to(os.open(place.name, flags, mode, dir_fd=place.folder), data)


def _append_to(handle: int, data: bytes) -> None:
    with os.fdopen(handle, "ab", buffering=0) as file:
        before = os.fstat(handle).st_size
        try:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(before)
            raise


def _flush() -> None:
    """Flush earlier output, so that it precedes the data."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def require_writable(path: Path | str) -> None:
    """Raise HostError if an output cannot be written, before minutes are spent on producing it."""
    with _reported(path):
        own = _callers(path)
        if own is not None:
            os.fstat(own)
        elif sys.platform == "win32":  # pragma: no cover - only there
            if Path(path).is_dir():
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            os.stat(Path(path).parent)
        else:
            with output_place.reached(path) as place:
                found = place.status()
                output_place.require_kind(found, path)
                if (found is None or stat.S_ISREG(found.st_mode)) and not os.access(
                    ".", os.W_OK | os.X_OK, dir_fd=place.folder
                ):
                    raise OSError(errno.EACCES, os.strerror(errno.EACCES))


@contextlib.contextmanager
def _reported(path: Path | str) -> Iterator[None]:
    """Convert system errors to the one-sentence error for an output that cannot be written."""
    if not str(path):
        raise UsageError(_("The name of the output file is empty."), advice=_("Specify a file, or - for the screen."))
    try:
        yield
    except HostError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if not isinstance(error, OSError):
            raise output_place.refused(path, str(error)) from error
        raise troubles.trouble(error, troubles.WRITING, path=path, wanted=output_place.otherwise()) from error


def _write_at(place: output_place.Place, path: Path | str, data: bytes, mode: int) -> None:
    found = place.status()
    output_place.require_kind(found, path)
    if found is None or stat.S_ISREG(found.st_mode):
        _replace(place, data, mode, found)
        return
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    try:
        handle = os.open(place.name, flags, dir_fd=place.folder)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise output_place.refused(path, _("it is a pipe without a reader")) from error
        raise
    try:
        opened = os.fstat(handle)
        if stat.S_ISREG(opened.st_mode):
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))  # it was replaced meanwhile
        output_place.require_kind(opened, path)
        _write_to(handle, data, path)
    finally:
        os.close(handle)


def _write_to(handle: int, data: bytes, path: Path | str) -> None:
    """Write all bytes to a descriptor; each write may wait PIPE_SECONDS for the reader. Raises HostError after that."""
    end, left = time.monotonic() + PIPE_SECONDS, memoryview(data)
    while left:
        with contextlib.suppress(BlockingIOError):
            left = left[os.write(handle, left) :]
            end = time.monotonic() + PIPE_SECONDS
            continue
        if not select.select([], [handle], [], max(end - time.monotonic(), 0))[1]:
            raise output_place.refused(path, _("its reader stopped reading"))


def _replace(place: output_place.Place, data: bytes, mode: int, former: os.stat_result | None) -> None:
    """Replace a file atomically with a new one; users who could read the ``former`` file can read the new one too."""
    beside = f".{place.name[:64]}.{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(beside, flags, 0o600, dir_fd=place.folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if former is not None and former.st_gid != os.fstat(handle).st_gid:
                with contextlib.suppress(OSError):  # a group that the caller does not belong to
                    os.fchown(handle, -1, former.st_gid)
            os.fchmod(handle, mode if former is None else mode | stat.S_IMODE(former.st_mode) & 0o777)
            os.fsync(handle)
        os.rename(beside, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=place.folder)
        raise
    os.fsync(place.folder)


def _write_on_windows(path: Path, data: bytes, mode: int) -> None:  # pragma: no cover - only there
    if path.name.upper() == "NUL":
        return
    files.write_atomic(path, data, mode=mode)
