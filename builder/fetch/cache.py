"""The cache of fetched files by digest, shared by later and concurrent builds.

A file is stored as ``<algorithm>/<first two digits>/<digest>``. A partial download is named ``<digest>.part``, and
any later process may continue it; a lock prevents two builds from writing the same file. Builds share the lock of
the whole cache; ``prune`` holds it exclusively. Both locks come from filelock, which also supports Windows.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from bundle.digest import BLOCK
from shared import troubles
from shared.errors import BuildError, BusyError
from shared.files import folders
from shared.files.files import sync_folder
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG = logging.getLogger("ragtrace")
DAY = 86400  # seconds
LOCK_POLL = 0.2  # seconds between two attempts to acquire a lock that another build holds


class HashMismatchError(BuildError):
    """A file does not match its expected digest or size."""


@dataclass(frozen=True)
class Digest:
    """The expected digest of a file: ``sha256``, or ``git`` (SHA-1 of a blob object, as in git hash-object)."""

    algorithm: str
    value: str

    def hasher(self, size: int | None) -> hashlib._Hash:
        """Return a new hash object; for ``git`` the size in bytes must be known in advance."""
        if self.algorithm == "sha256":
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % (size or 0), usedforsecurity=False)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def sha256(value: str) -> Digest:
    """Return the digest for a hexadecimal SHA-256."""
    return Digest("sha256", value)


def default_cache() -> Path:
    """Return the folder of this user's cache. Raises HostError if the user has no home folder."""
    return folders.user_cache("ragtrace-builder")


@dataclass(frozen=True)
class Contents:
    """The contents of a cache: the number and bytes of complete files and of partial downloads."""

    files: int
    size: int
    partial: int
    partial_size: int

    def to_json(self) -> dict[str, int]:
        return {"files": self.files, "bytes": self.size, "partial": self.partial, "partial_bytes": self.partial_size}


class Cache:
    """A folder of fetched files, which are named by their digests."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: Digest) -> Path:
        """Return the path of a file, whether it exists or not."""
        return self.root / digest.algorithm / digest.value[:2] / digest.value

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether a file is in the cache, hashing every byte again.

        Raises HashMismatchError after removing a file that was modified on disk.
        """
        path = self.path(digest)
        if not path.is_file():
            return False
        found = path.stat().st_size
        if size in (None, found):
            hasher = digest.hasher(found)
            with path.open("rb") as file:
                for block in iter(lambda: file.read(BLOCK), b""):
                    hasher.update(block)
            if hasher.hexdigest() == digest.value:
                with contextlib.suppress(OSError):  # a cache that another user owns can still be read
                    os.utime(path)  # the time of last use, which ``prune`` checks
                return True
        path.unlink()
        raise HashMismatchError(_("{path} was modified in the cache and has been removed.").format(path=path))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Block ``prune`` while a build uses the cache; builds do not block each other.

        Raises BuildError if the cache cannot be written.
        """
        with self._gate(alone=False):
            yield

    @contextmanager
    def _gate(self, *, alone: bool) -> Iterator[None]:
        """Hold the lock of the whole cache, shared or exclusive. Raises BusyError if ``alone`` and a build holds it."""
        try:
            import sqlite3  # filelock implements its read-write lock with a database

            from filelock import ReadWriteLock
        except ImportError as error:
            raise BuildError(
                _("A module cannot be loaded: {reason}.").format(reason=error),
                advice=_("Use a Python interpreter that has the sqlite3 module."),
            ) from error
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # filelock would create it for this user alone, but a group may share the cache
            os.close(os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o666))
            gate = ReadWriteLock(self.root / ".lock", is_singleton=False)
            if alone:
                gate.acquire_write(blocking=False)
            else:
                gate.acquire_read()
        except Timeout as error:
            raise BusyError(
                _("A build is using the cache {folder}.").format(folder=self.root),
                advice=_("Prune it when the build has finished."),
            ) from error
        except OSError as error:
            raise self.unwritable(error) from error
        except (sqlite3.Error, ValueError) as error:
            raise self.unwritable(OSError(errno.ENOLCK, str(error), str(self.root / ".lock"))) from error
        try:
            yield
        finally:
            gate.close()

    @contextmanager
    def entry(self, digest: Digest, stop: threading.Event) -> Iterator[Path]:
        """Lock a file and yield the path of its partial download.

        Raises BusyError if ``stop`` is set while another build holds the lock, BuildError if the cache cannot
        be written.
        """
        part = self.path(digest).with_name(f"{digest.value}.part")
        lock = FileLock(part.with_suffix(".lock"), poll_interval=LOCK_POLL)
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _take(lock, digest, stop)
        except OSError as error:
            raise self.unwritable(error) from error
        try:
            yield part
        finally:
            lock.release()

    def commit(self, digest: Digest) -> Path:
        """Rename a verified partial download to its final name, synced so that it survives a power loss."""
        path = self.path(digest)
        part = path.with_name(f"{digest.value}.part")
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
        sync_folder(path.parent)
        return path

    def keep(self, digest: Digest, file: Path) -> Path:
        """Copy a locally built file into the cache under its digest."""
        with self.entry(digest, threading.Event()) as part:
            try:
                shutil.copyfile(file, part)
                return self.commit(digest)
            except OSError as error:
                raise self.unwritable(error) from error

    def contents(self) -> Contents:
        """Return the number and sizes of the files in the cache."""
        whole: list[int] = []
        partial: list[int] = []
        for path in self._files():
            (partial if path.suffix == ".part" else whole).append(path.stat().st_size)
        return Contents(len(whole), sum(whole), len(partial), sum(partial))

    def prune(self, days: int, *, dry_run: bool = False) -> tuple[int, int]:
        """Remove files, including partial downloads, that no build has used for ``days``; return their number and size.

        With ``dry_run``, nothing is removed. Raises BusyError if a build is using the cache.
        """
        if not self.root.is_dir():
            return 0, 0
        with self._gate(alone=True):
            oldest = time.time() - days * DAY
            stale = [path for path in self._files() if path.stat().st_mtime <= oldest]
            sizes = [path.stat().st_size for path in stale]
            for path in [] if dry_run else stale:
                path.with_name(f"{path.stem}.lock").unlink(missing_ok=True)
                path.unlink()
            return len(stale), sum(sizes)

    def _files(self) -> Iterator[Path]:
        """Yield the paths of all files except locks."""
        for path in sorted(self.root.rglob("*")):
            own = path.relative_to(self.root).parts[0].startswith(".")  # filelock's own files
            if not own and path.suffix != ".lock" and path.is_file():
                yield path

    def unwritable(self, error: OSError) -> BuildError:
        """Return the error for a cache that cannot be written."""
        reported = troubles.words(error, troubles.WRITING, near=self.root)
        return BuildError(
            reported.what, advice=f"{reported.advice} " + _("Or specify another folder with --cache-dir.")
        )


def _take(lock: FileLock, digest: Digest, stop: threading.Event) -> None:
    """Lock a file, waiting for another build if necessary. Raises BusyError if ``stop`` is set first."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        LOG.info("%s: waiting for another build", digest)
    else:
        return
    try:
        lock.acquire(cancel_check=stop.is_set)
    except Timeout as error:
        raise BusyError(_("Another build is fetching {digest}.").format(digest=digest)) from error
