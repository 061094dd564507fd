"""Files that the caller names for what a command writes: ``--output FILE``, an export, metrics.

Such a name may be anything: our own streams, a device, a pipe, a link, a file in a folder of somebody
else. One rule says what is done with each:

1. ``-``, /dev/stdout, /dev/stderr and /dev/fd/N mean our own descriptors, and are known by name.
2. Of devices, null, full and the caller's terminal are written, known by their number after the open.
3. A pipe is opened without blocking, refused without a reader, and written with a time limit.
4. A regular file is replaced by a rename of a new one beside it. Its folder is reached from the root by
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
from typing import TYPE_CHECKING, NamedTuple

from shared import troubles
from shared.errors import HostError, UsageError
from shared.files import files, owners
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2, "/proc/self/fd/1": 1, "/proc/self/fd/2": 2}
DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,9})")
NULL, FULL = "/dev/null", "/dev/full"
KNOWN_DEVICES = {(1, 3), (1, 7)} if sys.platform == "linux" else set()  # null, full: Linux, devices.txt
PIPE_SECONDS = 30.0  # that a reader may let us wait
LINKS = 40  # that a path may lead through (Linux, path_resolution(7))
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Place(NamedTuple):
    """A folder, open, and the name in it that no link stands for any more."""

    folder: int
    name: str


def descriptor(path: Path | str) -> int | None:
    """Return the descriptor of ours that a name means, None for every other name."""
    text = str(path)
    matched = DESCRIPTOR.fullmatch(text)
    return STREAMS.get(text, int(matched[1]) if matched else None)


def _callers(path: Path | str) -> int | None:
    """Return the caller's descriptor that a name means, None for every other name.

    What he gave us survived an exec; what Python opens does not (PEP 446), and raises OSError.
    """
    own = descriptor(path)
    if own is not None and own > max(STREAMS.values()) and not os.get_inheritable(own):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return own


def write(path: Path | str, data: bytes, *, mode: int = 0o600) -> None:
    """Write all of ``data`` to what the caller named; a new regular file gets ``mode``.

    One that is there keeps what it gave to others besides. Raises HostError with the reason in one sentence.
    """
    with _told(path):
        own = _callers(path)
        if own is not None:
            _flush()
            _write_to(own, data)
        elif sys.platform == "win32":  # pragma: no cover - only there
            _write_on_windows(Path(path), data, mode)
        else:
            with _place(path) as place:
                _write_at(place, path, data, mode)


def append(path: Path | str, data: bytes, *, mode: int = 0o600) -> None:
    """Add ``data`` to the end of what the caller named: all of it or nothing. Raises HostError."""
    with _told(path):
        if descriptor(path) is not None:
            write(path, data)
        elif sys.platform == "win32":  # pragma: no cover - only there
            _append_to(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_BINARY, mode), data)
        else:
            with _place(path) as place:
                _append_at(place, path, data, mode)


def _append_at(place: Place, path: Path | str, data: bytes, mode: int) -> None:
    found = _status(place)
    _demand_kind(found, path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        _write_at(place, path, data, mode)
        return
    # opened each time, so that the file may be renamed or removed when it has grown
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
    """Let what was shown before come before what is written now."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def demand(path: Path | str) -> None:
    """Raise HostError for a name that cannot be written, before minutes are spent on what goes there."""
    with _told(path):
        own = _callers(path)
        if own is not None:
            os.fstat(own)
        elif sys.platform == "win32":  # pragma: no cover - only there
            if Path(path).is_dir():
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            os.stat(Path(path).parent)
        else:
            with _place(path) as place:
                found = _status(place)
                _demand_kind(found, path)
                if (found is None or stat.S_ISREG(found.st_mode)) and not os.access(
                    ".", os.W_OK | os.X_OK, dir_fd=place.folder
                ):
                    raise OSError(errno.EACCES, os.strerror(errno.EACCES))


@contextlib.contextmanager
def _told(path: Path | str) -> Iterator[None]:
    """Turn what the system says into the one sentence of a name that cannot be written."""
    if not str(path):
        raise UsageError(_("The name of the output file is empty."), advice=_("Specify a file, or - for the screen."))
    try:
        yield
    except HostError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if not isinstance(error, OSError):
            raise _refused(path, str(error)) from error
        raise troubles.trouble(error, troubles.WRITING, path=path, wanted=_otherwise()) from error


def _refused(path: Path | str, reason: str) -> HostError:
    return HostError(
        _("{path} cannot be written: {reason}.").format(path=path, reason=reason),
        advice=_otherwise(),
    )


def _otherwise() -> str:
    return _("Specify another file, or - for the screen.")


@contextlib.contextmanager
def _place(path: Path | str) -> Iterator[Place]:
    """Give the folder of a path, reached from the root component by component, and the last name in it."""
    parts = _parts(os.path.join(os.getcwd(), path))
    folder, links = os.open("/", _FOLDER), 0
    here = "/"
    try:
        while True:
            if not parts or str(path).endswith("/"):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            name = parts.pop(0)
            found = _status(Place(folder, name))
            if found is not None and stat.S_ISLNK(found.st_mode):
                links += 1
                if links > LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                _demand_owner(found, os.path.join(here, name), path)
                target = os.readlink(name, dir_fd=folder)
                parts = _parts(target) + parts
                if target.startswith("/"):
                    folder, here = _enter(folder, "/"), "/"
                continue
            if not parts:
                break
            folder, here = _enter(folder, name), os.path.normpath(os.path.join(here, name))
            _demand_safe(os.fstat(folder), here, path)
        yield Place(folder, name)
    finally:
        os.close(folder)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _enter(folder: int, name: str) -> int:
    """Return a folder inside another one, which is closed then."""
    inner = os.open(name, _FOLDER, dir_fd=folder)
    os.close(folder)
    return inner


def _status(place: Place) -> os.stat_result | None:
    try:
        return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _demand_owner(found: os.stat_result, here: str, path: Path | str) -> None:
    if found.st_uid not in owners.trusted():
        raise _refused(path, _("{path} belongs to user {owner}").format(path=here, owner=found.st_uid))


def _demand_safe(found: os.stat_result, here: str, path: Path | str) -> None:
    """Refuse a folder in which other users can replace a file by name."""
    _demand_owner(found, here, path)
    # with whom a user shares a folder is his to say; root's file there would be a way to root
    groups = {os.getegid(), *os.getgroups()} if os.geteuid() else None
    if owners.problem(found, groups=groups):
        raise _refused(path, _("other users can write to {path}").format(path=here))


def _demand_kind(found: os.stat_result | None, path: Path | str) -> None:
    """Refuse what is written in no way: folders, sockets, disks, devices that are not the caller's."""
    if found is None or stat.S_ISFIFO(found.st_mode):
        return None
    if stat.S_ISREG(found.st_mode):
        return _demand_owner(found, str(path), path)
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISCHR(found.st_mode) or not _is_ours(found):
        raise _refused(path, _("it is a device or a socket, not a file"))
    return None


def _is_ours(found: os.stat_result) -> bool:
    """Return whether a device is null, full, or the terminal of the caller."""
    return _number(found) in KNOWN_DEVICES | set(_terminals()) | set(_named(NULL, FULL))


def _number(found: os.stat_result) -> tuple[int, int]:
    return os.major(found.st_rdev), os.minor(found.st_rdev)


def _named(*paths: str) -> Iterator[tuple[int, int]]:
    """Yield the numbers of devices where no table of the system has them (macOS)."""
    for path in paths if not KNOWN_DEVICES else ():
        with contextlib.suppress(OSError):
            yield _number(os.stat(path))


def _terminals() -> Iterator[tuple[int, int]]:
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            if os.isatty(stream):
                yield _number(os.fstat(stream))


def _write_at(place: Place, path: Path | str, data: bytes, mode: int) -> None:
    found = _status(place)
    _demand_kind(found, path)
    if found is None or stat.S_ISREG(found.st_mode):
        _replace(place, data, mode, found)
        return
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    try:
        handle = os.open(place.name, flags, dir_fd=place.folder)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _refused(path, _("it is a pipe without a reader")) from error
        raise
    try:
        opened = os.fstat(handle)
        if stat.S_ISREG(opened.st_mode):
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))  # it was swapped meanwhile
        _demand_kind(opened, path)
        _write_to(handle, data)
    finally:
        os.close(handle)


def _write_to(handle: int, data: bytes) -> None:
    """Write all bytes to a descriptor, for which a reader may let us wait for some time."""
    end, left = time.monotonic() + PIPE_SECONDS, memoryview(data)
    while left:
        with contextlib.suppress(BlockingIOError):
            left = left[os.write(handle, left) :]
            end = time.monotonic() + PIPE_SECONDS
            continue
        if not select.select([], [handle], [], max(end - time.monotonic(), 0))[1]:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def _replace(place: Place, data: bytes, mode: int, former: os.stat_result | None) -> None:
    """Let a new file take a name: whole, or not at all. Whoever could read the ``former`` one can read it too."""
    beside = f".{place.name[:64]}.{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(beside, flags, 0o600, dir_fd=place.folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if former is not None and former.st_gid != os.fstat(handle).st_gid:
                with contextlib.suppress(OSError):  # a group that the caller is not in
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
