"""Digests of files, shared by all that inspects them in one run, so that a release is read once."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Optional

from bundle.manifest import FILE_SIZE_LIMIT
from bundle.wheels import record

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest

LEAST = 256 << 20  # bytes that are read whatever a manifest says: bytecode and what uv writes come on top
Key = tuple[int, int, int, int, int]


def _key(status: os.stat_result) -> Key:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def longest(manifest: Manifest) -> int:
    """Return the bytes that no file of a release of this manifest exceeds."""
    return min(FILE_SIZE_LIMIT, max(LEAST, manifest.installed_bytes))


class Digests:
    """Gives a file's SHA-256 as record.sha256_of does, hashing each file once however many threads ask.

    A file is known by device, inode, size and times of change, so that one that changes meanwhile
    is read again, and one with two names is not.
    """

    def __init__(self) -> None:
        self._most = FILE_SIZE_LIMIT
        self._known: dict[Key, Optional[str]] = {}
        self._lasting: dict[tuple[int, ...], Optional[str]] = {}  # without the time of change
        self._busy: set[Key] = set()
        self._waiting = 0
        # one for all files: a future for each takes as long as hashing a small one
        self._changed = threading.Condition()

    def bound_by(self, manifest: Manifest) -> None:
        """Read no file that is longer than all that a release of this manifest comes to: it is none of it."""
        self._most = longest(manifest)

    def __call__(self, path: Path | str) -> str | None:
        """Return a regular file's digest, or None when none of ours is there; raises OSError."""
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if status.st_size > self._most:
            return None
        key = _key(status)
        if key in self._known:  # without the lock: most have been read before, and threads take turns slowly
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
                self._known.update(digests)  # nothing, when it could not be read: whoever waits sees for himself
                self._lasting.update((known[:-1], digest) for known, digest in digests.items())
                self._busy.remove(key)
                if self._waiting:
                    self._changed.notify_all()
        return digests[key]

    def knows(self, path: str) -> bool:
        """Return whether a file was read and has not changed since."""
        try:
            return _key(os.lstat(path)) in self._known
        except OSError:
            return False

    def renew(self, path: str) -> None:
        """Keep the digest of a file that lost or got another name since, which changes only its time of change.

        For whoever gave or took that name himself, and asked ``knows`` or for the digest right before.
        """
        try:
            key = _key(os.lstat(path))
        except OSError:
            return  # whoever asks for it will see
        digest = self._lasting.get(key[:-1])
        if digest is not None:
            self._known[key] = digest
