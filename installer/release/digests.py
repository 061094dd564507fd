"""A cache of file digests, shared within one run, so that a release is read only once."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Optional

from bundle.manifest import FILE_SIZE_LIMIT
from bundle.wheels import record

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest

LEAST = 256 << 20  # bytes that are read whatever the manifest states: bytecode and uv's files are not counted in it
Key = tuple[int, int, int, int, int]


def _key(status: os.stat_result) -> Key:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def longest(manifest: Manifest) -> int:
    """Return the maximum size in bytes of a file in a release of this manifest."""
    return min(FILE_SIZE_LIMIT, max(LEAST, manifest.installed_bytes))


class Digests:
    """A callable like record.sha256_of that hashes each file once, even if several threads request it.

    Device, inode, size and the times of modification and status change identify a file, so that one that changes in
    the meantime is read again, and one with two names is not.
    """

    def __init__(self) -> None:
        self._most = FILE_SIZE_LIMIT
        self._known: dict[Key, Optional[str]] = {}
        self._lasting: dict[tuple[int, ...], Optional[str]] = {}  # without the time of the status change
        self._busy: set[Key] = set()
        self._waiting = 0
        # one condition for all files: a future for each takes as long as hashing a small file
        self._changed = threading.Condition()

    def bound_by(self, manifest: Manifest) -> None:
        """Treat files larger than ``longest(manifest)`` as missing from now on.

        They cannot belong to a release of this manifest.
        """
        self._most = longest(manifest)

    def __call__(self, path: Path | str) -> str | None:
        """Return a file's digest, or None if it is missing, too long or not a regular file. Raises OSError."""
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if status.st_size > self._most:
            return None
        key = _key(status)
        if key in self._known:  # without the lock, which is slow: most files have been read before
            return self._known[key]
        with self._changed:
            while key in self._busy:
                self._waiting += 1
                self._changed.wait()
                self._waiting -= 1
            if key in self._known:
                return self._known[key]
            self._busy.add(key)
        digests = {}
        try:
            digests[key] = record.sha256_of(path)
        finally:
            with self._changed:
                self._known.update(digests)  # empty if it could not be read: the waiting threads try again
                self._lasting.update((known[:-1], digest) for known, digest in digests.items())
                self._busy.remove(key)
                if self._waiting:
                    self._changed.notify_all()
        return digests[key]

    def learn(self, path: Path, sha256: str, written: os.stat_result) -> None:
        """Remember the digest of a file that this run wrote under another name and verified.

        ``written`` is the status that its descriptor had then: if another file has replaced it, nothing is remembered.
        """
        status = os.lstat(path)
        if _key(status)[:-1] == _key(written)[:-1]:
            self._known[_key(status)] = sha256
            self._lasting[_key(status)[:-1]] = sha256

    def knows(self, path: str) -> bool:
        """Return whether a file was hashed and has not changed since."""
        try:
            return _key(os.lstat(path)) in self._known
        except OSError:
            return False

    def renew(self, path: str) -> None:
        """Keep the digest of a file after a hard link to it was added or removed, which changes only its ctime.

        Only for a caller that did so itself, and called ``knows`` or requested the digest right before.
        """
        try:
            key = _key(os.lstat(path))
        except OSError:
            return  # the next request for the digest reports it
        digest = self._lasting.get(key[:-1])
        if digest is not None:
            self._known[key] = digest
