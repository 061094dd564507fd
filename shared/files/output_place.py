"""The folder of an output file, reached from the root by descriptors, and the allowed owners and file types."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import HostError
from shared.files import owners
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NULL, FULL = "/dev/null", "/dev/full"
KNOWN_DEVICES = {(1, 3), (1, 7)} if sys.platform == "linux" else set()  # null, full: Linux, devices.txt
LINKS = 40  # limit for links on the way (Linux, path_resolution(7))
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Place(NamedTuple):
    """An open folder and a name in it, with all symbolic links followed."""

    folder: int
    name: str

    def status(self) -> os.stat_result | None:
        """Return the status of the file of that name, without following a link, or None if it is missing."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None


def refused(path: Path | str, reason: str) -> HostError:
    """Return the error for an output that cannot be written."""
    return HostError(
        _("{path} cannot be written: {reason}.").format(path=path, reason=reason),
        advice=otherwise(),
    )


def otherwise() -> str:
    """Return the advice for an output that cannot be written."""
    return _("Specify another file, or - for the screen.")


@contextlib.contextmanager
def reached(path: Path | str) -> Iterator[Place]:
    """Provide the folder of a path, reached from the root component by component, and the last name in it."""
    parts = _parts(os.path.join(os.getcwd(), path))
    folder, links = os.open("/", _FOLDER), 0
    here = "/"
    try:
        while True:
            if not parts or str(path).endswith("/"):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            name = parts.pop(0)
            found = Place(folder, name).status()
            if found is not None and stat.S_ISLNK(found.st_mode):
                links += 1
                if links > LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                _require_owner(found, os.path.join(here, name), path)
                target = os.readlink(name, dir_fd=folder)
                parts = _parts(target) + parts
                if target.startswith("/"):
                    folder, here = _enter(folder, "/"), "/"
                continue
            if not parts:
                break
            folder, here = _enter(folder, name), os.path.normpath(os.path.join(here, name))
            _require_safe(os.fstat(folder), here, path)
        yield Place(folder, name)
    finally:
        os.close(folder)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _enter(folder: int, name: str) -> int:
    """Open a folder inside another one, and close the outer one."""
    inner = os.open(name, _FOLDER, dir_fd=folder)
    os.close(folder)
    return inner


def _require_owner(found: os.stat_result, here: str, path: Path | str) -> None:
    if found.st_uid not in owners.trusted():
        raise refused(path, _("{path} belongs to user {owner}").format(path=here, owner=found.st_uid))


def _require_safe(found: os.stat_result, here: str, path: Path | str) -> None:
    """Refuse a folder in which other users can replace files."""
    _require_owner(found, here, path)
    # users decide with whom they share a folder; but root must not write where others could gain root's rights
    groups = {os.getegid(), *os.getgroups()} if os.geteuid() else None
    if owners.problem(found, groups=groups):
        raise refused(path, _("other users can write to {path}").format(path=here))


def require_kind(found: os.stat_result | None, path: Path | str) -> None:
    """Refuse other users' files, and file types that are never written: folders, sockets, disks, most devices."""
    if found is None or stat.S_ISFIFO(found.st_mode):
        return None
    if stat.S_ISREG(found.st_mode):
        return _require_owner(found, str(path), path)
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISCHR(found.st_mode) or not _is_ours(found):
        raise refused(path, _("it is a device or a socket, not a file"))
    return None


def _is_ours(found: os.stat_result) -> bool:
    """Return whether a device is null, full, or the terminal of the caller."""
    return _number(found) in KNOWN_DEVICES | set(_terminals()) | set(_named(NULL, FULL))


def _number(found: os.stat_result) -> tuple[int, int]:
    return os.major(found.st_rdev), os.minor(found.st_rdev)


def _named(*paths: str) -> Iterator[tuple[int, int]]:
    """Yield the numbers of devices on systems without a fixed table of them (macOS)."""
    for path in paths if not KNOWN_DEVICES else ():
        with contextlib.suppress(OSError):
            yield _number(os.stat(path))


def _terminals() -> Iterator[tuple[int, int]]:
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            if os.isatty(stream):
                yield _number(os.fstat(stream))
