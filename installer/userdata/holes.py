"""Files with holes: read, and told apart, by what they hold and not by how long they are.

A hole is what SEEK_DATA leaves out (lseek(2)). A terabyte of nothing would take an hour to hash: the digest of a file
with holes is of its parts that are not all zeros and where these lie, however the filesystem keeps it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from typing import TYPE_CHECKING, Union

from bundle.digest import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

STAT_BLOCK = 512  # bytes of st_blocks' unit (stat(3type))
PART = 1 << 16  # bytes of a part in the digest of a file with holes: a change makes older backups damaged
SPARSE = "sparse "  # before the digest of such a file
_ZEROS = bytes(PART)


def has_holes(status: os.stat_result) -> bool:
    """Return whether a file takes less space than it is long."""
    return getattr(status, "st_blocks", sys.maxsize) * STAT_BLOCK < status.st_size


def data_ranges(handle: int, status: os.stat_result) -> Iterator[tuple[int, int | None]]:
    """Yield from where to where a file has data; None is its end, whatever it is by then."""
    if not has_holes(status) or not hasattr(os, "SEEK_DATA"):
        yield 0, None
        return
    end = 0
    while True:
        try:
            start = os.lseek(handle, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # this filesystem doesn't know; ENXIO: no more data
                yield end, None
            return
        end = os.lseek(handle, start, os.SEEK_HOLE)
        yield start, end


def blocks(handle: int, status: os.stat_result) -> Iterator[tuple[int, bytes]]:
    """Yield what a file holds, each block with its place."""
    for start, end in data_ranges(handle, status):
        position = os.lseek(handle, start, os.SEEK_SET)
        while end is None or position < end:
            block = os.read(handle, BLOCK if end is None else min(BLOCK, end - position))
            if not block:
                break
            yield position, block
            position += len(block)


class Whole:
    """The SHA-256 of all bytes of a file, a hole being zeros."""

    def __init__(self) -> None:
        self._sha256, self._position = hashlib.sha256(), 0

    def add(self, position: int, block: bytes) -> None:
        """Take a block; blocks come in order."""
        self._fill(position)
        self._sha256.update(block)
        self._position += len(block)

    def of(self, size: int) -> str:
        """Return the digest of a file that is so long."""
        self._fill(size)
        return self._sha256.hexdigest()

    def _fill(self, position: int) -> None:
        while self._position < position:
            zeros = _ZEROS[: position - self._position]
            self._sha256.update(zeros)
            self._position += len(zeros)


class Sparse:
    """The SHA-256 of the parts of a file that are not all zeros, each after its number, and of its length."""

    def __init__(self) -> None:
        self._sha256, self._number, self._part = hashlib.sha256(), 0, bytearray(PART)

    def add(self, position: int, block: bytes) -> None:
        """Take a block; blocks come in order."""
        left = memoryview(block)
        while left:
            number, inside = divmod(position, PART)
            if number != self._number:
                self._end_part()
                self._number = number
            piece, left = left[: PART - inside], left[PART - inside :]
            self._part[inside : inside + len(piece)] = piece
            position += len(piece)

    def of(self, size: int) -> str:
        """Return the digest of a file that is so long."""
        self._end_part()
        self._sha256.update(size.to_bytes(8, "big"))
        return SPARSE + self._sha256.hexdigest()

    def _end_part(self) -> None:
        if self._part != _ZEROS:
            self._sha256.update(self._number.to_bytes(8, "big") + self._part)
            self._part = bytearray(PART)


Digest = Union[Whole, Sparse]


def digest_like(content: str) -> Digest:
    """Return what computes a digest of the same kind."""
    return Sparse() if content.startswith(SPARSE) else Whole()


def digest_of(handle: int, like: str) -> str:
    """Return the digest of an open file, of the kind that another one is."""
    digest, status, end = digest_like(like), os.fstat(handle), 0
    for position, block in blocks(handle, status):
        digest.add(position, block)
        end = position + len(block)
    return digest.of(max(end, status.st_size))
