"""The files of a bundle on a medium: read in blocks, and each compared with its signed digest.

A file is passed on as blocks; its digest is checked before the iterator ends, so a consumer that stores a
file only after the iterator is exhausted stores only verified bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, Union

from bundle.digest import BLOCK
from shared import troubles
from shared.errors import HostError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from hashlib import _Hash
    from pathlib import Path

    from bundle.manifest import FileEntry

AHEAD = 16  # blocks by which reading may be ahead of hashing


def damaged(path: str, reason: str) -> TrustError:
    """Return the error for a file of the bundle that differs from what was signed."""
    return TrustError(
        _("{path}: {reason}.").format(path=path, reason=reason),
        advice=_("Copy the bundle again from the medium; if it fails again, request a new one."),
    )


def refused(path: Path, error: OSError) -> HostError:
    """Return the error for a file of the bundle that the host cannot read; its bytes may be intact."""
    return troubles.trouble(error, troubles.READING_MEDIUM, path=path)


@contextmanager
def hashing() -> Iterator[ThreadPoolExecutor]:
    """Provide a thread for hashing, which is not joined at the end.

    An abandoned reader is finalized in whichever thread collects it as garbage, even one that is just being started;
    joining another thread there could block forever.
    """
    worker = ThreadPoolExecutor(1)
    try:
        yield worker
    finally:
        worker.shutdown(wait=False)


class Aside:
    """A SHA-256 that a single-threaded worker computes, a few blocks behind (hashlib releases the GIL)."""

    def __init__(self, worker: ThreadPoolExecutor) -> None:
        self.worker, self.digest = worker, hashlib.sha256()
        self.behind: deque[Future[None]] = deque()

    def update(self, block: bytes) -> None:
        self.behind.append(self.worker.submit(self.digest.update, block))
        if len(self.behind) > AHEAD:
            self.behind.popleft().result()

    def hexdigest(self) -> str:
        while self.behind:
            self.behind.popleft().result()
        return self.digest.hexdigest()


def checked_blocks(
    entry: FileEntry,
    blocks: Iterator[bytes],
    digest: Union[_Hash, Aside, None] = None,
    name: Callable[[], str] | None = None,
) -> Iterator[bytes]:
    """Yield a file's blocks; raise TrustError for ``name`` unless they match the signed size and digest."""
    digest, size, name = digest or hashlib.sha256(), 0, name or (lambda: entry.path)
    for block in blocks:
        size += len(block)
        if size > entry.size:
            break  # read no further: the file may have no end
        digest.update(block)
        yield block
    if size != entry.size:
        raise damaged(name(), _("{size} bytes read, {expected} expected").format(size=size, expected=entry.size))
    if digest.hexdigest() != entry.sha256:
        raise damaged(name(), _("its SHA-256 does not match the signed one"))


def kind_of(path: Path) -> int:
    """Return the st_mode of a path, following links, or 0 if it does not exist.

    Raises HostError if this host denies access: some versions of pathlib would report the file as missing.
    """
    try:
        return os.stat(path).st_mode
    except OSError as error:
        if troubles.is_of_the_host(error, path):
            raise refused(path, error) from error
        return 0


def is_file(path: Path) -> bool:
    """Return whether a path leads to a regular file."""
    return stat.S_ISREG(kind_of(path))


def is_folder(path: Path) -> bool:
    """Return whether a path leads to a folder."""
    return stat.S_ISDIR(kind_of(path))


def file_blocks(path: Path, name: str) -> Iterator[bytes]:
    """Yield a regular file's bytes; links, pipes and devices are refused.

    Raises HostError if the medium or this host refuses access to a file that may be intact, else TrustError.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if troubles.is_of_the_host(error, path) and not os.path.isdir(path):  # Windows refuses to open a folder
            raise refused(path, error) from error
        reason = troubles.reason(error, troubles.READING, path=path)
        raise damaged(name, _("cannot be read: {reason}").format(reason=reason)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise damaged(name, _("not a regular file"))
    with os.fdopen(handle, "rb", buffering=0) as file:
        while True:
            try:
                block = file.read(BLOCK)
            except OSError as error:
                raise refused(path, error) from error
            if not block:
                return
            yield block


def drain(blocks: Iterator[bytes]) -> None:
    """Read to the end, so that the digest is checked."""
    for _block in blocks:
        pass
