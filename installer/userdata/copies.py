"""Copy files and trees with contents, holes, symbolic and hard links, modes, times, extended attributes and owners.

Holes are preserved (installer/userdata/holes.py), and a file with several names in a tree has them in the copy too.
Sockets, pipes and devices hold no data: they are left out and reported to the caller.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from installer.userdata import holes
from shared import windows
from shared.files import removal, trees

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from installer.userdata.holes import Digest
    from shared.files.trees import Entry, Folder

_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.EINVAL)  # as in shutil.copystat


def copy_tree(source: Path, target: Path, *, but: Callable[[Entry], bool] = lambda _entry: False) -> list[str]:
    """Copy a folder to a new path; return the paths that were left out: sockets, pipes and devices.

    Skips entries that disappear in the meantime, and files and links for which ``but`` returns True.
    """
    os.mkdir(target, stat.S_IRWXU)
    left_out = []
    with trees.Folder(target) as there, Names(target) as names, trees.Folder(source) as top:
        for entry in trees.walk(source):
            if entry.left:
                keep_folder(entry.here, there, stat.S_IMODE(entry.status.st_mode))
                there.up()
            elif entry.is_folder:
                there.do(os.mkdir, entry.name, stat.S_IRWXU)
                there.down(entry.name)
            elif not entry.is_stored:
                left_out.append(entry.path)
            elif not but(entry):
                with unless_gone(entry):
                    _copy(entry, there, names)
        keep_folder(top, there, stat.S_IMODE(top.status().st_mode))
    return left_out


def _copy(entry: Entry, there: Folder, names: Names) -> None:
    if entry.is_link:
        copy_link(entry.here, entry.name, there)
        return
    number = names.number(entry.status)
    if not names.link(number, there, entry.name):
        copy_file(entry.here, entry.name, there)
        names.hold(number, there, entry.name)


@contextlib.contextmanager
def unless_gone(entry: Entry) -> Iterator[None]:
    """Suppress FileNotFoundError if a running application removes the entry while it is copied."""
    try:
        yield
    except FileNotFoundError:
        try:
            entry.here.do(os.lstat, entry.name)
        except FileNotFoundError:
            return
        raise


class Names:
    """Hard links in a copy: until the copy is complete, a folder next to it holds each file with several names."""

    def __init__(self, target: Path) -> None:
        self.place = target.with_name(f"{target.name}.names")
        self._numbers: dict[tuple[int, int], int] = {}
        self._folder: Folder | None = None
        self._held: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.close()
            removal.remove(self.place)

    def number(self, status: os.stat_result) -> int:
        """Return the number of a file with several names, or 0 if it has a single name."""
        if status.st_nlink < 2:
            return 0
        return self._numbers.setdefault((status.st_dev, status.st_ino), len(self._numbers) + 1)

    def link(self, number: int, there: Folder, name: str) -> bool:
        """Create another name of a held file; return whether that succeeded."""
        if number not in self._held or self._folder is None:
            return False
        return self._folder.link_to(str(number), there, name)

    def hold(self, number: int, there: Folder, name: str) -> None:
        """Hold a copied file for its other names; if links cannot be created, these become copies."""
        if not number:
            return
        if self._folder is None:
            self.place.mkdir(mode=0o700)
            self._folder = trees.Folder(self.place)
        if number not in self._held and there.link_to(name, self._folder, str(number)):
            self._held.add(number)


def copy_file(
    here: Folder, name: str, there: Folder, *, digest: Digest | None = None, mode: int | None = None
) -> tuple[os.stat_result, int]:
    """Copy a file with its metadata; return its status when it was opened, and the size of the copy.

    ``digest`` is updated with the contents; ``mode`` replaces the original's.
    """
    source = here.open(name)
    try:
        target = there.create(name)
        try:
            status = os.fstat(source)
            size = _copy_contents(source, target, status, digest)
            if sys.platform != "win32":
                keep(source, status, target, stat.S_IMODE(status.st_mode) if mode is None else mode)
        except OSError as error:
            error.filename = error.filename or there.path(name)
            raise
        finally:
            os.close(target)
    finally:
        os.close(source)
    if sys.platform == "win32":  # pragma: no cover - only there
        keep_by_path(Path(here.path(name)), Path(there.path(name)))
    return status, size


def _copy_contents(source: int, target: int, status: os.stat_result, digest: Digest | None) -> int:
    """Copy the contents of a file and preserve its holes; return the size of the copy."""
    end = 0
    for position, block in holes.blocks(source, status):
        os.lseek(target, position, os.SEEK_SET)
        _write(target, block)
        if digest is not None:
            digest.add(position, block)
        end = position + len(block)
    if end < status.st_size:
        os.ftruncate(target, status.st_size)
    return max(end, status.st_size)


def _write(handle: int, block: bytes) -> None:
    written = os.write(handle, block)
    while written < len(block):
        written += os.write(handle, block[written:])


def data_bytes(here: Folder, name: str, status: os.stat_result) -> int:
    """Return how many bytes a copy of a file takes: its size, not counting holes."""
    if not holes.has_holes(status):
        return status.st_size
    try:
        handle = here.open(name)
    except OSError:  # removed, or unreadable, which copying it will report
        return status.st_size
    try:
        return sum((status.st_size if end is None else end) - start for start, end in holes.data_ranges(handle, status))
    finally:
        os.close(handle)


def copy_link(here: Folder, name: str, there: Folder) -> str:
    """Copy a symbolic link as a link; return its target."""
    target = str(here.do(os.readlink, name))
    there.symlink(target, name)
    if sys.platform != "win32":
        status = here.do(os.lstat, name)
        if os.geteuid() == 0:
            there.do(os.chown, name, status.st_uid, status.st_gid, follow_symlinks=False)
        there.do(os.utime, name, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
    return target


def keep_folder(here: Folder, there: Folder, mode: int) -> None:
    """Give a copied folder its original's metadata, but ``mode`` as its mode; its contents must be complete."""
    if sys.platform == "win32":  # pragma: no cover - only there
        keep_by_path(Path(here.path("")), Path(there.path("")))
    else:
        assert here.fd is not None
        assert there.fd is not None
        keep(here.fd, here.status(), there.fd, mode)


def keep(source: int, status: os.stat_result, target: int, mode: int) -> None:
    """Give a copy ``mode`` and its original's attributes, times and, if permitted, owner and group; both are open."""
    found = os.fstat(target)
    if os.geteuid() == 0:
        os.fchown(target, status.st_uid, status.st_gid)
    elif found.st_gid != status.st_gid:
        with contextlib.suppress(PermissionError):  # a group that this user is not a member of
            os.fchown(target, -1, status.st_gid)
    _keep_attributes(source, target)
    os.fchmod(target, mode)  # after the owner, whose change clears the set-ID bits
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _keep_attributes(source: int, target: int) -> None:
    if sys.platform != "linux":
        return
    try:
        for name in os.listxattr(source):
            os.setxattr(target, name, os.getxattr(source, name))
    except OSError as error:
        if error.errno not in _REFUSED:
            raise


def keep_by_path(source: Path, target: Path) -> None:
    """Give a copied file its original's mode, times and, for root, owner; on Windows a private file remains private."""
    shutil.copystat(source, target)
    if sys.platform == "win32":  # pragma: no cover - only there
        lists = windows.read_sddl(source), windows.read_sddl(target)
        if windows.must_close(*lists, windows.user_sid()):
            windows.make_private(target)
    elif os.geteuid() == 0:
        status = source.stat()
        os.chown(target, status.st_uid, status.st_gid)
        os.chmod(target, stat.S_IMODE(status.st_mode))  # the change of the owner clears the set-ID bits
