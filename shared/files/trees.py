"""Untrusted trees of any depth, walked with loops and folder descriptors, never by recursion.

Names are opened relative to the current folder's descriptor, so PATH_MAX does not limit the depth; no other
descriptor stays open. The walk returns to a parent through ``..``, and checks that it is the folder from which it
came. Windows has no folder descriptors, so there the full path is used, whatever its length.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from shared import windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

BY_DESCRIPTOR = os.open in os.supports_dir_fd
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_HERE = _FOLDER | getattr(os, "O_NOFOLLOW", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Folder:
    """The current folder of a walk; each call names one entry of it, and errors contain the full path."""

    def __init__(self, root: Path | str, *, follow: bool = True) -> None:
        self.root, self.names = os.fspath(root), list[str]()
        self.fd = os.open(root, _FOLDER if follow else _HERE) if BY_DESCRIPTOR else None
        self._above: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder."""
        if self.fd is not None:
            os.close(self.fd)

    @property
    def depth(self) -> int:
        """The number of levels below the root."""
        return len(self.names)

    @property
    def handle(self) -> int | str:
        """The folder itself, for calls that accept a descriptor or a path."""
        return self.path("") if self.fd is None else self.fd

    def path(self, name: str) -> str:
        """Return the full path of an entry, or of the folder itself for "", for messages and for Windows."""
        return os.path.join(self.root, *self.names, name) if name else os.path.join(self.root, *self.names)

    def at(self, name: str) -> str:
        """Return the name of an entry for a call that also gets ``fd``."""
        return self.path(name) if self.fd is None else name

    def do(self, call: Callable[..., Any], name: str, *rest: Any, **more: Any) -> Any:
        """Call a function of ``os`` for an entry."""
        try:
            return call(self.at(name), *rest, dir_fd=self.fd, **more)
        except OSError as error:
            error.filename = self.path(name)
            raise

    def status(self) -> os.stat_result:
        """Return the status of the folder itself."""
        return os.stat(self.handle)

    def listed(self) -> list[str]:
        """Return the names in the folder in reverse order of their bytes."""
        try:
            return sorted(os.listdir(self.handle), key=os.fsencode, reverse=True)
        except OSError as error:
            error.filename = self.path("")
            raise

    def kinds(self) -> list[tuple[str, bool]]:
        """Return (name, whether it is a folder and not a link to one) for each entry of the folder, unsorted."""
        try:
            with os.scandir(self.handle) as entries:
                found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError as error:
            error.filename = self.path("")
            raise
        if sys.platform != "win32":
            return found
        return [(name, is_folder and not windows.is_junction(self.path(name))) for name, is_folder in found]

    def open(self, name: str) -> int:
        """Open a regular file for reading; raises FileNotFoundError if it has become another type of file."""
        handle = int(self.do(os.open, name, _FILE))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path(name))
        return handle

    def create(self, name: str) -> int:
        """Open a new private file for writing."""
        return int(self.do(os.open, name, _NEW, stat.S_IRUSR | stat.S_IWUSR))

    def symlink(self, target: str, name: str) -> None:
        """Create a symbolic link."""
        os.symlink(target, self.at(name), dir_fd=self.fd)

    def link_to(self, name: str, other: Folder, other_name: str) -> bool:
        """Create a hard link in another folder to a file in this one; return whether that succeeded."""
        ways = {} if self.fd is None else {"src_dir_fd": self.fd, "dst_dir_fd": other.fd, "follow_symlinks": False}
        try:
            os.link(self.at(name), other.at(other_name), **ways)  # type: ignore[arg-type]
        except OSError:
            return False
        return True

    def down(self, name: str) -> None:
        """Enter a folder, never through a link."""
        if self.fd is not None:
            try:
                below = self.do(os.open, name, _HERE)
            except NotADirectoryError as error:  # replaced by another type of file
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path(name)) from error
            self._above.append(_identity(os.fstat(self.fd)))
            os.close(self.fd)
            self.fd = below
        self.names.append(name)

    def up(self) -> str:
        """Return to the parent folder; return the name of the folder that was left."""
        if self.fd is not None:
            above = int(self.do(os.open, "..", _FOLDER))
            os.close(self.fd)
            self.fd = above
            if _identity(os.fstat(above)) != self._above.pop():
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self.path(""))
        return self.names.pop()


class Entry(NamedTuple):
    """An entry of a tree; a folder is yielded when it is entered and, with ``left`` set, when it is left."""

    here: Folder
    name: str
    status: os.stat_result
    is_folder: bool = False
    left: bool = False

    @property
    def path(self) -> str:
        return self.here.path("" if self.is_folder else self.name)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_stored(self) -> bool:
        """Whether a copy can contain it: sockets, pipes and devices hold no data."""
        return self.is_folder or self.is_file or self.is_link


def walk(root: Path | str) -> Iterator[Entry]:
    """Yield all entries below a folder in byte order of their names; entries that disappear meanwhile are omitted."""
    with Folder(root) as here:
        found, waiting = [here.status()], [here.listed()]
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                status = found.pop()
                if waiting:
                    yield Entry(here, here.names[-1], status, is_folder=True, left=True)
                    here.up()
                continue
            name = waiting[-1].pop()
            try:
                entry = _enter(here, name)
            except FileNotFoundError:
                continue
            if entry.is_folder:
                found.append(entry.status)
                waiting.append(here.listed())
            yield entry


def _enter(here: Folder, name: str) -> Entry:
    status = here.do(os.lstat, name)
    if not stat.S_ISDIR(status.st_mode) or (sys.platform == "win32" and windows.is_junction(here.path(name))):
        return Entry(here, name, status)
    here.down(name)
    return Entry(here, name, here.status(), is_folder=True)


def files(root: Path | str) -> Iterator[Entry]:
    """Yield all entries below a folder except folders; none if the folder does not exist."""
    if os.path.isdir(root):
        yield from (entry for entry in walk(root) if not entry.is_folder)


def entries(root: str) -> Iterator[os.DirEntry[str]]:
    """Yield all entries below a folder except folders; fast, but limited by PATH_MAX; skips unreadable folders."""
    waiting = [root]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as opened:
                found = list(opened)
        except OSError:
            continue
        for entry in found:
            if entry.is_dir(follow_symlinks=False) and not (
                sys.platform == "win32" and windows.is_junction(entry.path)
            ):
                waiting.append(entry.path)
            else:
                yield entry


def make_folders(folder: Path) -> None:
    """Create a folder and its missing parents without recursion (``Path.mkdir`` recurses)."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
