"""What was fetched once, by digest: a store that later builds, and builds at the same time, share.

Files lie under ``<algorithm>/<first two digits>/<digest>``. One that is under way is named
``<digest>.part`` and may be continued by any later process; a lock keeps two builds off one file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bootstrap.bundle.digest import BLOCK
from bootstrap.errors import BuildError, BusyError
from bootstrap.files import sync_folder
from bootstrap.i18n import _

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

LOG = logging.getLogger("ragtrace")
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
    """Return the folder of this user's cache."""
    import platformdirs

    return Path(platformdirs.user_cache_path("ragtrace-builder", appauthor=False))


class Cache:
    """A folder of files by digest."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: Digest) -> Path:
        """Return where a file lies, or would."""
        return self.root / digest.algorithm / digest.value[:2] / digest.value

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Tell whether a file is here, every byte hashed again.

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
                return True
        path.unlink()
        raise HashMismatchError(_("{path} was altered in the cache and has been removed.").format(path=path))

    @contextmanager
    def entry(self, digest: Digest, stop: threading.Event) -> Iterator[Path]:
        """Lock a file's place and give the path of its partial download.

        Raises BusyError when ``stop`` is set while another build holds the lock, BuildError when
        the cache cannot be written.
        """
        part = self.path(digest).with_name(f"{digest.value}.part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            lock = part.with_suffix(".lock").open("ab")
        except OSError as error:
            raise self.unwritable(error) from error
        with lock:
            if not _try_lock(lock):
                LOG.info("%s: waiting for another build", digest)
                while not _try_lock(lock):
                    if stop.wait(LOCK_POLL):
                        raise BusyError(_("Another build is fetching {digest}.").format(digest=digest))
            yield part

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

    def unwritable(self, error: OSError) -> BuildError:
        """Return the error for a cache that could not be written."""
        return BuildError(
            _("The cache {folder} cannot be written: {reason}.").format(folder=self.root, reason=error.strerror),
            advice=_("Make room there or make it writable, or name another folder with --cache-dir."),
        )


def _try_lock(file: IO[bytes]) -> bool:
    """Lock a file for this process (and thread); the system lets go when it is closed."""
    if sys.platform == "win32":  # pragma: no cover - only there
        import msvcrt

        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
