# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Put an archive together from ranges that are transferred and files that the host has in its store.

The builder writes wheels and models as stored blocks (RFC 1951, 3.2.4): their bytes lie in the archive as they are,
cut by headers of five bytes. ``find_pieces`` notes where; a host that has such a file writes the blocks itself.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import struct
from contextlib import contextmanager

BLOCK = 1 << 20
LEAST = 1 << 16  # bytes of a file that is worth a piece
HEADER = 5  # bytes before each stored block: 0, LEN, NLEN
USTAR = struct.pack("<BHH", 0, 512, 512 ^ 0xFFFF)  # a stored block that holds one header of tar
MAGIC = slice(257, 262)


class ReplacedError(Exception):
    """Bytes that do not match their digest."""


def block_header(length):
    """Return what stands before a stored block."""
    return struct.pack("<BHH", 0, length, length ^ 0xFFFF)


def find_pieces(path, wanted):
    """Return ``[at, size, sha256, [[count, length], …]]`` for each stored file of an archive.

    ``wanted`` maps the path of a member below the root folder to its size and digest. What is not found is transferred.
    """
    found = []
    if os.path.getsize(path) == 0:
        return found
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(USTAR)
        while at >= 0:
            header = data[at + HEADER : at + HEADER + 512]
            start = at + HEADER + 512
            name = _name(header)
            blocks = _blocks(data, start, wanted[name][0]) if name in wanted else None
            if blocks is None:
                at = data.find(USTAR, at + 1)
                continue
            size, sha256 = wanted[name]
            found.append([start, size, sha256, blocks])
            at = data.find(USTAR, start + _length(blocks))
    return found


def _name(header):
    if header[MAGIC] != b"ustar":
        return None
    name, prefix = (header[part].split(b"\0")[0] for part in (slice(0, 100), slice(345, 500)))
    path = (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")
    return path.partition("/")[2]


def _blocks(data, at, size):
    """Return the lengths of the stored blocks that hold ``size`` bytes from ``at`` on, run by run, or None."""
    runs, left = [], size
    if size < LEAST:
        return None
    while left:
        kind, length, inverse = struct.unpack("<BHH", data[at : at + HEADER])
        if kind or length ^ 0xFFFF != inverse or not 0 < length <= left:
            return None
        if runs and runs[-1][1] == length:
            runs[-1][0] += 1
        else:
            runs.append([1, length])
        at += HEADER + length
        left -= length
    return runs


def span(piece):
    """Return how many bytes a piece takes: as blocks, or as it is where it has none."""
    if not piece[3]:
        return piece[1]
    return _length(piece[3])


def _length(blocks):
    return sum(count * (HEADER + length) for count, length in blocks)


def store_path(prefix, sha256):
    """Return where a prefix stores a file of this digest."""
    return os.path.join(prefix, "store", "sha256", sha256[:2], sha256)


def steps(size, pieces, here):
    """Yield what a file of ``size`` bytes is made of: ``(at, length, piece)``, where no piece means a transfer.

    ``here`` tells of a piece whether the host can write it.
    """
    at = 0
    for piece in pieces:
        start, length = piece[0], span(piece)
        if start < at or start + length > size or not here(piece):
            continue
        if start > at:
            yield at, start - at, None
        yield start, length, piece
        at = start + length
    if at < size:
        yield at, size - at, None


class Partial:
    """A file that is being put together: ``NAME.partial``, renamed once all of it matches its digest."""

    def __init__(self, folder, entry, pieces, here):
        self.name, self.size, self.sha256 = entry["name"], entry["size"], entry["sha256"]
        self.path = os.path.join(folder, self.name)
        self.partial = self.path + ".partial"
        self.steps = list(steps(self.size, pieces, here))

    @property
    def have(self):
        """How many of its bytes are there; never the middle of a piece, which is written as a whole."""
        try:
            length = os.path.getsize(self.partial)
        except OSError:
            return 0
        for at, count, piece in self.steps:
            if at <= length < at + count:
                return length if piece is None else at
        return min(length, self.size)

    @property
    def done(self):
        """Return whether the whole file is there and matches its digest."""
        try:
            return os.path.getsize(self.path) == self.size and _sha256(self.path) == self.sha256
        except OSError:
            return False

    def missing(self):
        """Return the ranges ``[at, length]`` that must be transferred."""
        have = self.have
        ranges = []
        for at, count, piece in self.steps:
            if piece is None and at + count > have:
                start = max(at, have)
                ranges.append([start, at + count - start])
        return ranges

    @contextmanager
    def opened(self):
        """Open the file to go on at ``have``."""
        with open(self.partial, "ab") as file:
            file.truncate(self.have)
            file.seek(0, os.SEEK_END)
            yield file
            file.flush()
            os.fsync(file.fileno())

    def fill(self, file, read):
        """Write pieces up to the next range that must be transferred. Raises ReplacedError."""
        for at, count, piece in self.steps:
            if at == file.tell() and piece is not None:
                _copy_piece(file, at, piece, read)
            elif at + count > file.tell():
                return

    def finish(self):
        """Give the file its name. Raises ReplacedError, and removes it, if it does not match its digest."""
        if os.path.getsize(self.partial) != self.size or _sha256(self.partial) != self.sha256:
            os.unlink(self.partial)
            raise ReplacedError(self.name)
        os.chmod(self.partial, 0o644)
        os.replace(self.partial, self.path)


def _copy_piece(file, at, piece, path_of):
    """Write a stored file of this host as blocks; what turns out to be damaged is taken back. Raises ReplacedError."""
    digest = hashlib.sha256()
    try:
        with open(path_of(piece[2]), "rb") as stored:
            for header, length in _blocks_of(piece):
                data = stored.read(length)
                digest.update(data)
                file.write(header)
                file.write(data)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        file.truncate(at)
        raise ReplacedError(piece[2]) from error
    if digest.hexdigest() != piece[2]:
        file.flush()
        file.truncate(at)
        file.seek(at)
        raise ReplacedError(piece[2])


def _blocks_of(piece):
    """Yield the header and the length of each block of a piece; without blocks the file is written as it is."""
    for count, length in piece[3]:
        for _number in range(count):
            yield block_header(length), length
    if not piece[3]:
        for at in range(0, piece[1], BLOCK):
            yield b"", min(BLOCK, piece[1] - at)


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def locked(folder):
    """Hold the lock of a folder, so that two controllers never write into one file at once."""
    handle = os.open(os.path.join(folder, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
