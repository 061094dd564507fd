"""How files of an installation are opened for reading, whatever may have replaced them.

A pipe never answers, a device never ends, a sparse file may be larger than any memory, and a link leads to another
file: a file that this tool wrote is regular, under its own name, and within the size limit of its type.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO

from shared.i18n import _

if TYPE_CHECKING:
    Named = str | os.PathLike[str]

LINES = 1 << 20  # bytes of a file of this tool that contains a few names
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class UnfitError(OSError):
    """The file cannot be one that this tool wrote; ``cause`` is the cause's name in shared/causes.py."""

    def __init__(self, cause: str, number: int, reason: str, path: Named) -> None:
        super().__init__(number, reason, os.fspath(path))
        self.cause = cause


def open_regular(path: Named, *, limit: int | None = None, follow: bool = False) -> int:
    """Return a descriptor of a regular file of at most ``limit`` bytes, opened without blocking.

    With ``follow`` the path may be a link to it. Raises OSError, or UnfitError if it is not such a file.
    """
    if not follow and not _NO_LINK and os.path.islink(path):  # pragma: no cover - Windows only
        raise _a_link(path)
    try:
        handle = os.open(path, _FLAGS | (0 if follow else _NO_LINK))
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device without a driver
            raise _not_regular(path) from error
        if error.errno == errno.ELOOP and not follow and os.path.islink(path):
            raise _a_link(path) from error
        raise
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(status.st_mode):
            raise _not_regular(path)
        if limit is not None and status.st_size > limit:
            raise _too_long(path, limit)
    except BaseException:
        os.close(handle)
        raise
    return handle


def opened(path: Named, *, limit: int | None = None, follow: bool = False) -> BinaryIO:
    """Open a regular file, checked as by ``open_regular``, as a stream of bytes."""
    return os.fdopen(open_regular(path, limit=limit, follow=follow), "rb")


def read(path: Named, limit: int, *, follow: bool = False) -> bytes:
    """Return all bytes of a regular file, checked as by ``open_regular``; one that outgrows ``limit`` is refused."""
    with opened(path, limit=limit, follow=follow) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise _too_long(path, limit)
    return data


def is_regular(path: Named) -> bool:
    """Return whether a path is a regular file, and not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: Named) -> bool:
    """Return whether a path is a folder, and not a link to one."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(found.st_mode) and not (sys.platform == "win32" and _is_reparse_point(found))


def _is_reparse_point(status: os.stat_result) -> bool:  # pragma: no cover - Windows only
    return bool(getattr(status, "st_file_attributes", 0) & 0x400)  # FILE_ATTRIBUTE_REPARSE_POINT


def _not_regular(path: Named) -> UnfitError:
    return UnfitError("NOT_REGULAR", errno.EINVAL, _("not a regular file"), path)


def _a_link(path: Named) -> UnfitError:
    return UnfitError("A_LINK", errno.ELOOP, _("a link, not a regular file"), path)


def _too_long(path: Named, limit: int) -> UnfitError:
    return UnfitError("TOO_LONG", errno.EFBIG, _("larger than {limit} bytes").format(limit=limit), path)
