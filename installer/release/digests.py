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
        self._losing_a_link: set[tuple[int, ...]] = set()
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
        return self._digest(path, FILE_SIZE_LIMIT)

    def at_once(self, path: Path | str) -> str | None:
        """Return the same, or record.LATER if the file must be read and is large."""
        return self._digest(path, record.LARGE)

    def _digest(self, path: Path | str, most: int) -> str | None:
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if status.st_size > self._most:
            return None
        key = _key(status)
        if key in self._known:  # without the lock, which is slow: most files have been read before
            return self._known[key]
        if key[:-1] in self._losing_a_link:
            return self._keep(key)
        if status.st_size > most:
            return record.LATER
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

    def expect_unlink(self, path: str) -> None:
        """Keep a file's digest, if it has not changed since it was hashed, over one more change of its ctime alone.

        Only for a caller that removes a hard link to it next.
        """
        try:
            key = _key(os.lstat(path))
        except OSError:
            return  # the next request for the digest reports it
        if key in self._known:
            self._losing_a_link.add(key[:-1])

    def _keep(self, key: Key) -> str | None:
        self._losing_a_link.discard(key[:-1])
        self._known[key] = self._lasting[key[:-1]]
        return self._known[key]

    def renew(self, path: str) -> str | None:
        """Keep the digest of a file after a hard link to it was added, which changes only its ctime.

        Returns the digest, or None if the file has changed otherwise or is missing. Only for a caller that added the
        link itself, and requested the digest right before.
        """
        try:
            key = _key(os.lstat(path))
        except OSError:
            return None  # the next request for the digest reports it
        digest = self._lasting.get(key[:-1])
        if digest is not None:
            self._known[key] = digest
        return digest
