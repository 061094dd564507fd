"""Read and hash files with holes in time proportional to their data, not to their size.

A hole is a range that SEEK_DATA skips (lseek(2)). A terabyte of zeros would take an hour to hash, so the digest of a
file with holes covers only the parts that are not all zeros and their positions, whatever the filesystem's layout.
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
PART = 1 << 16  # bytes of a part in the digest of a file with holes; with another value older backups count as damaged
SPARSE = "sparse "  # prefix of the digest of such a file
_ZEROS = bytes(PART)


def has_holes(status: os.stat_result) -> bool:
    """Return whether a file takes less space than its size."""
    return getattr(status, "st_blocks", sys.maxsize) * STAT_BLOCK < status.st_size


def data_ranges(handle: int, status: os.stat_result) -> Iterator[tuple[int, int | None]]:
    """Yield the start and end of each range of a file that has data; an end of None means up to the end of file."""
    if not has_holes(status) or not hasattr(os, "SEEK_DATA"):
        yield 0, None
        return
    end = 0
    while True:
        try:
            start = os.lseek(handle, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # this filesystem does not support it; ENXIO means no more data
                yield end, None
            return
        end = os.lseek(handle, start, os.SEEK_HOLE)
        yield start, end


def blocks(handle: int, status: os.stat_result) -> Iterator[tuple[int, bytes]]:
    """Yield the data of a file in blocks, each with its offset."""
    for start, end in data_ranges(handle, status):
        position = os.lseek(handle, start, os.SEEK_SET)
        while end is None or position < end:
            block = os.read(handle, BLOCK if end is None else min(BLOCK, end - position))
            if not block:
                break
            yield position, block
            position += len(block)


class Whole:
    """The SHA-256 of all bytes of a file, with a hole as zeros."""

    def __init__(self) -> None:
        self._sha256, self._position = hashlib.sha256(), 0

    def add(self, position: int, block: bytes) -> None:
        """Add a block at an offset; blocks must be added in order."""
        self._fill(position)
        self._sha256.update(block)
        self._position += len(block)

    def of(self, size: int) -> str:
        """Return the digest of the file, given its size in bytes."""
        self._fill(size)
        return self._sha256.hexdigest()

    def _fill(self, position: int) -> None:
        while self._position < position:
            zeros = _ZEROS[: position - self._position]
            self._sha256.update(zeros)
            self._position += len(zeros)


class Sparse:
    """The SHA-256 of the parts of a file that are not all zeros, each after its number, and of the file's size."""

    def __init__(self) -> None:
        self._sha256, self._number, self._part = hashlib.sha256(), 0, bytearray(PART)

    def add(self, position: int, block: bytes) -> None:
        """Add a block at an offset; blocks must be added in order."""
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
        """Return the digest of the file, given its size in bytes."""
        self._end_part()
        self._sha256.update(size.to_bytes(8, "big"))
        return SPARSE + self._sha256.hexdigest()

    def _end_part(self) -> None:
        if self._part != _ZEROS:
            self._sha256.update(self._number.to_bytes(8, "big") + self._part)
            self._part = bytearray(PART)


Digest = Union[Whole, Sparse]


def digest_like(content: str) -> Digest:
    """Return a new hash object of the same kind as the digest ``content``."""
    return Sparse() if content.startswith(SPARSE) else Whole()


def digest_of(handle: int, like: str) -> str:
    """Return the digest of an open file, of the same kind as ``like``."""
    digest, status, end = digest_like(like), os.fstat(handle), 0
    for position, block in blocks(handle, status):
        digest.add(position, block)
        end = position + len(block)
    return digest.of(max(end, status.st_size))
