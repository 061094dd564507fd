"""The store: wheels, models and source files by digest, which repairs need if no bundle is available.

Objects are read-only and written once: to a temporary file, which is renamed only after all bytes were verified.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from threading import get_ident
from typing import TYPE_CHECKING

from bundle.reading.medium import drain
from bundle.wheels.record import sha256_of
from shared import troubles
from shared.errors import HostError
from shared.files import aside, files
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry
    from bundle.wheels.record import Hash

    Learn = Callable[[Path, str, os.stat_result], None]

_OBJECT = re.compile(r"[0-9a-f]{64}|\..*\.tmp")  # or a temporary file that a crash left; other files are unknown
_SHELF = re.compile(r"[0-9a-f]{2}")
OWN_COPY_LIMIT = 32 << 20  # bytes: the tokenizers of common models have up to 17 MB (BGE-M3)


class Store:
    """The files in ``store/sha256/<first 2 digits>/<digest>``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def has_size_of(self, entry: FileEntry) -> bool:
        """Return whether an object exists with the expected size; its content is not read."""
        path = self.path(entry.sha256)
        try:
            found = path.lstat()
            return stat.S_ISREG(found.st_mode) and found.st_size == entry.size
        except OSError:
            return False

    def is_intact(self, entry: FileEntry, hash_of: Hash = sha256_of) -> bool:
        """Return whether an object exists with the expected content, which is hashed."""
        try:
            return self.has_size_of(entry) and hash_of(self.path(entry.sha256)) == entry.sha256
        except OSError:
            return False

    def add(self, entry: FileEntry, blocks: Iterator[bytes], learn: Learn | None = None) -> bool:
        """Add a file from verified blocks, unless the object is already intact; return whether it was written.

        ``learn`` is called for an object that was written, with its path, its digest and the status of its descriptor.
        """
        if self.is_intact(entry):
            drain(blocks)
            return False
        path = self.path(entry.sha256)
        aside.clear(path.parent, folder=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{entry.sha256}.{os.getpid()}.{get_ident()}.tmp")  # threads may add equal files
        try:
            with beside.open("wb") as file:
                for block in blocks:  # errors of reading them report their own path
                    with troubles.at(path):
                        file.write(block)
                with troubles.at(path):
                    file.flush()
                    if os.name == "nt":  # pragma: no cover - elsewhere the whole filesystem is synced later
                        os.fsync(file.fileno())
                    written = os.fstat(file.fileno())
            beside.chmod(0o444)
            if os.name == "nt" and path.exists():  # pragma: no cover - Windows does not replace a read-only file
                path.chmod(0o666)
            aside.clear(path)
            files.replace(beside, path)
        except BaseException:
            files.remove_tree(beside)
            raise
        if learn is not None:
            learn(path, entry.sha256, written)
        return True

    def wheels(self, entries: Iterable[FileEntry]) -> list[tuple[Path, str]]:
        """Return the path in the store and the path in the bundle of each wheel."""
        return [(self.path(entry.sha256), entry.path) for entry in entries]

    def link(self, entry: FileEntry, target: Path) -> None:
        """Create a hard link to an object, or a copy if the filesystem has no hard links."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self.path(entry.sha256), target)
        except (FileNotFoundError, FileExistsError):
            raise  # a copy would overwrite the file that the target is linked to
        except OSError:
            self.copy(entry, target)

    def stage(self, entry: FileEntry, target: Path) -> None:
        """Create a release's file as a copy if that costs little (up to OWN_COPY_LIMIT, or a clone), else as a link.

        If one of two copies is damaged, it can be repaired from the other (docs/adr/0015).
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.size <= OWN_COPY_LIMIT:
            self.copy(entry, target)
        elif not files.clone(self.path(entry.sha256), target):
            self.link(entry, target)

    def copy(self, entry: FileEntry, target: Path) -> None:
        """Copy an object to a new file. Raises FileNotFoundError if the store does not hold it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if not self.has_size_of(entry):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path(entry.sha256)))
        shutil.copyfile(self.path(entry.sha256), target)

    def require(self, entries: Iterator[FileEntry], hash_of: Hash = sha256_of) -> None:
        """Raise HostError, naming the file, if an object is missing or damaged."""
        for entry in entries:
            if not self.is_intact(entry, hash_of):
                raise HostError(
                    _("{path} is missing or damaged in {store}.").format(path=entry.path, store=self.root),
                    advice=_("Provide the bundle and run install again."),
                )

    def collect(self, wanted: set[str]) -> int:
        """Remove objects except those in ``wanted``, the digests of retained releases; return the bytes freed."""
        freed = 0
        for folder in self._entries():
            if not is_shelf_name(folder.name):
                continue
            if not _is_shelf(folder):
                aside.clear(folder, folder=True)
                continue
            for path in list(folder.iterdir()):
                if path.name not in wanted and _OBJECT.fullmatch(path.name):
                    freed += path.lstat().st_size
                    files.remove_tree(path)
            if not any(folder.iterdir()):
                folder.rmdir()
        return freed

    def unknown_files(self) -> list[Path]:
        """Return the entries that are neither objects nor temporary files that a crash left."""
        found = []
        for path in self._entries():
            if _is_shelf(path):
                found += [entry for entry in sorted(path.iterdir()) if not _OBJECT.fullmatch(entry.name)]
            else:
                found.append(path)
        return found

    def _entries(self) -> list[Path]:
        return sorted(self.root.iterdir()) if self.root.is_dir() else []


def is_object(name: str) -> bool:
    """Return whether a file name is that of an object or of a temporary file that a crash left."""
    return _OBJECT.fullmatch(name) is not None


def is_shelf_name(name: str) -> bool:
    """Return whether a folder name is that of a folder of objects."""
    return _SHELF.fullmatch(name) is not None


def _is_shelf(path: Path) -> bool:
    return is_shelf_name(path.name) and path.is_dir() and not path.is_symlink()
