"""Messages for errors of the operating system: one sentence that names the file, and one of advice.

Callers pass the operation, and the file if the error may not contain it. Only this module chooses reason and advice:
by the error's number and the state of the file, never by where in the code it occurred.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from shared import causes, limits, reading
from shared.errors import HostError, RagtraceError, UsageError
from shared.i18n import _, composed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Kind = TypeVar("Kind", bound=RagtraceError)
    Named = str | os.PathLike[str]

READING, WRITING, REMOVING, STARTING, USING = "reading", "writing", "removing", "starting", "using"
READING_MEDIUM = "bringing"  # reading from a medium
LACKS = frozenset({"EMFILE", "ENFILE", "ENOMEM", "EAGAIN"})  # limits of the host, independent of the file
FS_IOC_GETFLAGS = 0x80086601  # linux/fs.h: _IOR('f', 1, long)
ATTRIBUTES = {0x10: "IMMUTABLE", 0x20: "APPEND_ONLY"}  # FS_IMMUTABLE_FL, FS_APPEND_FL


class Place(NamedTuple):
    """The file of an error: as shown in the message, and as the paths of the files that may be at fault."""

    shown: str
    path: str
    other: str = ""  # of a rename or a link


class Words(NamedTuple):
    """The error, with its file, and the next step: two sentences."""

    what: str
    advice: str


def words(
    error: OSError,
    doing: str = USING,
    *,
    path: Named | None = None,
    near: Named | None = None,
    wanted: str = "",
) -> Words:
    """Return the message for a system error.

    ``path`` is the file; ``near`` is a file or folder to name if the error contains none. ``wanted`` describes the
    expected name: it is the advice if the name is wrong, and is otherwise not used.
    """
    cause, place = cause_of(error, doing, path, near), _place(error, path, near)
    advice = wanted if wanted and cause in causes.NAMES else _advice(cause, doing, place)
    return Words(_sentence(cause, doing, place, _reason(cause, error, place)), advice)


def trouble(
    error: OSError,
    doing: str = USING,
    *,
    path: Named | None = None,
    near: Named | None = None,
    kind: type[Kind] = HostError,  # type: ignore[assignment]  # mypy has no defaults of type variables
    wanted: str = "",
) -> Kind:
    """Return the error to raise for a system error; the parameters are those of ``words``."""
    what, advice = words(error, doing, path=path, near=near, wanted=wanted)
    return kind(what, advice=advice)


def read_given(path: Path, limit: int, wanted: str) -> bytes:
    """Read a file that the user named, or a link to it.

    Raises UsageError, which advises ``wanted``, if it is not a regular file of at most ``limit`` bytes.
    """
    try:
        return reading.read(path, limit, follow=True)
    except OSError as error:
        raise trouble(error, READING, path=path, kind=UsageError, wanted=wanted) from error


def reason(error: Exception, doing: str = USING, *, path: Named | None = None) -> str:
    """Return the reason for a system error, for a sentence that names the file; for other errors, the message."""
    if not isinstance(error, OSError):
        return _message(error).rstrip(".")
    return _reason(cause_of(error, doing, path), error, _place(error, path, None))


def described(error: Exception, *, path: Named | None = None) -> str:
    """Return the file and the reason of a system error, as part of a sentence; for other errors, the message."""
    if not isinstance(error, OSError):
        return _message(error).rstrip(".")
    return words(error, path=path).what.rstrip(".")


def _message(error: Exception) -> str:
    return error.what if isinstance(error, RagtraceError) else str(error)


def require_changeable(path: Path) -> None:
    """Raise HostError if a file or folder has an attribute (chattr) that prevents replacing it."""
    if not path.is_symlink() and _attribute(str(path)):
        raise trouble(PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path)), WRITING)


@contextmanager
def at(path: Named) -> Iterator[None]:
    """Add the file name to errors of this block that have none, such as those of calls on a descriptor."""
    try:
        yield
    except OSError as error:
        if not isinstance(error.filename, (str, bytes)):
            error.filename = os.fspath(path)
        raise


def cause_of(error: OSError, doing: str = USING, path: Named | None = None, near: Named | None = None) -> str:
    """Return the cause of an error: the name of an errno, or a more precise one if the host reveals more."""
    if isinstance(error, reading.UnfitError):
        return error.cause
    number = getattr(error, "winerror", None)
    name = causes.OF_WINDOWS.get(number) if number else None
    name = name or errno.errorcode.get(error.errno or 0, "NO_CAUSE")
    _shown, place, other = _place(error, path, near)
    if not place or sys.platform == "win32":
        return name
    if place == os.devnull and doing in (STARTING, USING):
        return "NO_NULL" if name not in LACKS else name
    closer = {"ENOENT": _why_missing, "EACCES": _why_denied, "EPERM": _why_denied, "ENOSPC": _why_full}.get(name)
    found = closer(place, doing) if closer else ""
    if not found and other and closer is _why_denied:
        found = _why_denied(other, doing)
    return found or name


def is_of_the_host(error: OSError, path: Named) -> bool:
    """Return whether the host refused to read a file whose name and type are correct, so that its bytes are unknown."""
    return cause_of(error, READING, path) not in causes.NAMES | causes.KINDS


def _why_missing(path: str, doing: str) -> str:
    if doing == STARTING and os.path.lexists(path):
        return "NO_LOADER"
    return "" if os.path.isdir(_folder(path)) else "NO_PARENT"


def _why_denied(path: str, doing: str) -> str:
    folder = _folder(path)
    if doing == STARTING:
        return "NOEXEC" if _flag(path) & getattr(os, "ST_NOEXEC", 0) else ""
    return next(filter(None, map(_attribute, (path, folder))), "") if doing not in (READING, READING_MEDIUM) else ""


def _why_full(path: str, _doing: str) -> str:
    with suppress(OSError, ValueError):
        state = os.statvfs(_nearest(path))
        return "NO_INODES" if state.f_files and not state.f_favail and state.f_bavail else ""
    return ""


def _flag(path: str) -> int:
    with suppress(OSError, ValueError):
        return os.statvfs(_nearest(path)).f_flag
    return 0


def _attribute(path: str) -> str:
    """Return the attribute of a file (chattr) that prevents even root from changing it, or an empty string."""
    if not sys.platform.startswith("linux") or not (os.path.isfile(path) or os.path.isdir(path)):
        return ""
    import fcntl

    with suppress(OSError, ValueError):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            answer = fcntl.ioctl(handle, FS_IOC_GETFLAGS, bytes(8))
        finally:
            os.close(handle)
        flags = int.from_bytes(answer[:4], sys.byteorder)
        return next((name for bit, name in ATTRIBUTES.items() if flags & bit), "")
    return ""


def _folder(path: str) -> str:
    """Return the folder of a file, even if the working folder is missing."""
    return os.path.dirname(path) or os.curdir


def _nearest(path: str) -> str:
    while not os.path.exists(path) and path != _folder(path):
        path = _folder(path)
    return path


def _text(name: object) -> str:
    """Return a file name as text, or an empty string for a descriptor's number, which is not useful in a message."""
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else ""


def _place(error: OSError, path: Named | None, near: Named | None) -> Place:
    first = _text(path) or _text(error.filename) or _text(near)
    second = _text(error.filename2) if _text(error.filename) else ""
    if path is None and second:  # in a rename or a link, either name may be at fault
        suspects = (second, first) if os.path.lexists(first) else (first, second)
        return Place(f"{first} -> {second}", *suspects)
    return Place(first, first)


def _sentence(cause: str, doing: str, place: Place, why: str) -> str:
    if not place.shown and cause == "NO_CAUSE":
        return composed("{reason}.", reason=why)
    if not place.shown:
        return _("File operation failed: {reason}.").format(reason=why)
    if cause == "NO_NULL":
        return _("{path} cannot be opened: {reason}.").format(path=place.shown, reason=why)
    texts = {
        READING: _("{path} cannot be read: {reason}."),
        READING_MEDIUM: _("{path} cannot be read: {reason}."),
        WRITING: _("{path} cannot be written: {reason}."),
        REMOVING: _("{path} cannot be removed: {reason}."),
        STARTING: _("{path} cannot be started: {reason}."),
        USING: _("{path}: {reason}."),
    }
    return texts[doing].format(path=place.shown, reason=why)


def _reason(cause: str, error: OSError, place: Place) -> str:
    text = causes.reasons().get(cause)
    if text is None:
        return (error.strerror or str(error)).rstrip(".")
    return text.format(folder=_folder(place.path), reason=error.strerror or error)


def _advice(cause: str, doing: str, place: Place) -> str:
    if cause in LACKS:
        return limits.advice()
    if cause in {"EACCES", "EPERM"}:
        text = _rights(cause)[READING if doing == READING_MEDIUM else doing]
    elif cause == "EIO" and doing == READING_MEDIUM:
        text = _("Use another medium, or copy the bundle to a disk first; the medium or its drive is failing.")
    else:
        text = causes.advice().get(cause) or _("Check the file and its filesystem, then run the same command again.")
    path = place.path or "."
    return text.format(path=path, folder=_folder(path))


def _rights(cause: str) -> dict[str, str]:
    if cause == "EPERM":
        forbidden = _(
            "Ask an administrator to allow this operation; it is blocked by the file's ownership, the filesystem, "
            "the container or a security module."
        )
        return dict.fromkeys((READING, WRITING, REMOVING, STARTING, USING), forbidden)
    return {
        READING: _("Give this user read permission on it and access to its folders, or run the command as its owner."),
        WRITING: _("Give this user write permission there, or specify another location."),
        REMOVING: _("Give this user write permission in {folder}, or run the command as its owner."),
        STARTING: _("Give this user execute permission (`chmod +x`)."),
        USING: _("Check its owner and permissions (`ls -l {path}`), then run the same command again."),
    }
