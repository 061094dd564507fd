"""What was fetched once, by digest: a store that later builds, and builds at the same time, share.

Files are under ``<algorithm>/<first two digits>/<digest>``. One that is under way is named
``<digest>.part`` and may be continued by any later process; a lock keeps two builds off one file. Builds share the
lock of the whole cache, ``prune`` has it alone. filelock makes both, on Windows too.
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
LOCK_POLL = 0.2  # seconds between two tries for a lock that another build holds


class HashMismatchError(BuildError):
    """A file is not the one that was named."""


@dataclass(frozen=True)
class Digest:
    """What a file must hash to: ``sha256``, or ``git`` (SHA-1 of a blob object, as git hash-object gives it)."""

    algorithm: str
    value: str

    def hasher(self, size: int | None) -> hashlib._Hash:
        """Return a fresh hash object; git's needs the size in bytes beforehand."""
        if self.algorithm == "sha256":
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % (size or 0), usedforsecurity=False)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def sha256(value: str) -> Digest:
    """Return the digest that a SHA-256 in hexadecimal stands for."""
    return Digest("sha256", value)


def default_cache() -> Path:
    """Return the folder of this user's cache. Raises HostError for a user without a home."""
    return folders.user_cache("ragtrace-builder")


@dataclass(frozen=True)
class Contents:
    """What a cache holds: whole files and partial downloads, how many and their bytes."""

    files: int
    size: int
    partial: int
    partial_size: int

    def to_json(self) -> dict[str, int]:
        return {"files": self.files, "bytes": self.size, "partial": self.partial, "partial_bytes": self.partial_size}


class Cache:
    """A folder of files by digest."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: Digest) -> Path:
        """Return where a file lies, or would."""
        return self.root / digest.algorithm / digest.value[:2] / digest.value

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether a file is here, every byte hashed again.

        Raises HashMismatchError after it has removed a file that was altered on disk.
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
                with contextlib.suppress(OSError):  # a cache that somebody else owns is read all the same
                    os.utime(path)  # used now: ``prune`` inspects this time
                return True
        path.unlink()
        raise HashMismatchError(_("{path} was modified in the cache and has been removed.").format(path=path))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep ``prune`` away from what a build relies on; builds do not keep each other away.

        Raises BuildError when the cache cannot be written.
        """
        with self._gate(alone=False):
            yield

    @contextmanager
    def _gate(self, *, alone: bool) -> Iterator[None]:
        """Hold the lock of the whole cache, shared or alone. Raises BusyError where a build has it, too."""
        try:
            import sqlite3  # filelock's lock of readers and writers is that of a database

            from filelock import ReadWriteLock
        except ImportError as error:
            raise BuildError(
                _("A module cannot be loaded: {reason}.").format(reason=error),
                advice=_("Use a Python that has the module sqlite3."),
            ) from error
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # filelock's own would be for this user alone, and a cache may be a group's
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
        """Lock a file's place and give the path of its partial download.

        Raises BusyError when ``stop`` is set while another build holds the lock, BuildError when
        the cache cannot be written.
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
        """Give a verified partial download its name, so that it outlasts a power loss."""
        path = self.path(digest)
        part = path.with_name(f"{digest.value}.part")
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
        sync_folder(path.parent)
        return path

    def keep(self, digest: Digest, file: Path) -> Path:
        """Copy a file that was made here into the cache, by its digest."""
        with self.entry(digest, threading.Event()) as part:
            try:
                shutil.copyfile(file, part)
                return self.commit(digest)
            except OSError as error:
                raise self.unwritable(error) from error

    def contents(self) -> Contents:
        """Return how much lies here."""
        whole: list[int] = []
        partial: list[int] = []
        for path in self._files():
            (partial if path.suffix == ".part" else whole).append(path.stat().st_size)
        return Contents(len(whole), sum(whole), len(partial), sum(partial))

    def prune(self, days: int, *, dry_run: bool = False) -> tuple[int, int]:
        """Remove what no build used for so many days, partial downloads too; return how many files, and their bytes.

        Raises BusyError while a build uses the cache.
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
        """Give every file but locks."""
        for path in sorted(self.root.rglob("*")):
            own = path.relative_to(self.root).parts[0].startswith(".")  # filelock's
            if not own and path.suffix != ".lock" and path.is_file():
                yield path

    def unwritable(self, error: OSError) -> BuildError:
        """Return the error for a cache that could not be written."""
        reported = troubles.words(error, troubles.WRITING, near=self.root)
        return BuildError(
            reported.what, advice=f"{reported.advice} " + _("Or specify another folder with --cache-dir.")
        )


def _take(lock: FileLock, digest: Digest, stop: threading.Event) -> None:
    """Lock a file's place, once no other build has it. Raises BusyError when ``stop`` is set before."""
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
