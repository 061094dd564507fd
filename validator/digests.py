"""Digests of files, shared by the checks of a run, so that a release is read once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Optional

from bootstrap import record

if TYPE_CHECKING:
    from pathlib import Path


class Digests:
    """Gives a file's SHA-256 as record.sha256_of does, hashing each file once however many threads ask.

    A file is known by device, inode, size and times of change, so that one that changes meanwhile
    is read again, and one with two names is not.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], Future[Optional[str]]] = {}
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> str | None:
        """Return a regular file's digest, or None when no regular file is there; raises OSError."""
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        with self._lock:
            known = self._known.get(key)
            if known is None:
                mine = self._known[key] = Future()
        if known is not None:
            return known.result()
        try:
            digest = record.sha256_of(path)
        except BaseException as error:
            mine.set_exception(error)
            raise
        mine.set_result(digest)
        return digest
