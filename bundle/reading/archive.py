"""Reading a bundle's files: from the archive, or from a folder into which the user unpacked it.

The manifest determines each member, so nothing is parsed: the reader builds the only valid header of a
member (POSIX.1-1988 ustar; for a long path with a pax record before it) and compares every byte. It stops at the first
deviation.
Hashing takes most of the time and runs in other threads: one for the archive's own bytes and one for
its members', or one per processor for the files of a folder.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Callable

from bundle import names
from bundle.digest import BLOCK
from bundle.manifest import NAME, FileEntry, Manifest
from bundle.reading.medium import Aside, checked_blocks, damaged, drain, file_blocks, hashing
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from pathlib import Path

    from shared.errors import TrustError

    Volumes = Sequence[tuple[Path, str]]  # files and their expected SHA-256
    Take = Callable[[FileEntry, Iterator[bytes]], None]

RECORD = 512  # bytes of a tar block
# name, mode, owner, group, size, time, checksum, type, no link, magic, no names, device, prefix (POSIX.1-1988)
USTAR = struct.Struct("100s8s8s8s12s12s8s1s100x8s64x8s8s155s12x")
ZERO = b"%07o" % 0
PAX = b"././@PaxHeader"  # the name of the header of a pax record (POSIX.1-2001), as Python's tarfile writes it
END = bytes(2 * RECORD)  # two zero blocks end a tar archive
GZIP = 16 + zlib.MAX_WBITS


def ustar_header(path: str, size: int, mode: int, mtime: int) -> bytes:
    """Return the header bytes that this tool writes or accepts before a regular file's data.

    A path that does not fit (see names.split_ustar) is in a pax record of its own, and cut short in the header.
    """
    split = names.split_ustar(path)
    if split is not None:
        return _header(split, size, mode, mtime)
    body = b" path=%s\n" % path.encode()
    record = b"%d%s" % (len(body) + len(str(len(body) + 3)), body)  # the length counts its own digits, 3 or 4
    short = path.encode()[: names.NAME_LIMIT].decode(errors="ignore").encode()
    extended = _header((b"", PAX), len(record), 0o644, mtime, b"x") + record + bytes(padding(len(record)))
    return extended + _header((b"", short), size, mode, mtime)


def _header(split: tuple[bytes, bytes], size: int, mode: int, mtime: int, kind: bytes = b"0") -> bytes:
    prefix, name = split
    fields = (name, b"%07o" % mode, ZERO, ZERO, b"%011o" % size, b"%011o" % mtime, b" " * 8, kind, b"ustar\x0000")
    header = USTAR.pack(*fields, ZERO, ZERO, prefix)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def padding(size: int) -> int:
    """Return the number of zero bytes that follow a file of this size."""
    return -size % RECORD


class _Volumes:
    """The bytes of an archive, in one file or in volumes, each of which is hashed as it is read.

    A volume is compared with its signed digest before the next one is read, so an error is always
    in the volume that ``name`` names.
    """

    def __init__(self, volumes: Volumes, worker: ThreadPoolExecutor) -> None:
        self.left, self.worker = deque(volumes), worker
        self._open()

    def _open(self) -> None:
        path, self.sha256 = self.left.popleft()
        self.name, self.digest = path.name, Aside(self.worker)
        self.blocks = file_blocks(path, path.name)

    def read(self) -> bytes:
        """Return the next bytes, or none at the end of the last volume."""
        while True:
            data = next(self.blocks, b"")
            if data or not self.left:
                self.digest.update(data)
                return data
            self.compare()
            self._open()

    def compare(self) -> None:
        """Raise TrustError unless the volume, which was read to its end, is the signed one."""
        if self.digest.hexdigest() != self.sha256:
            raise damaged(self.name, _("its SHA-256 does not match the signed one"))


class _Inflated:
    """The gzip stream of an archive's volumes, inflated in bounded blocks."""

    def __init__(self, volumes: _Volumes) -> None:
        self.volumes = volumes
        self.inflate = zlib.decompressobj(GZIP)
        self.pending = b""

    def damaged(self, reason: str) -> TrustError:
        return damaged(self.volumes.name, reason)

    def block(self, limit: int) -> bytes:
        """Return between 1 and ``limit`` bytes, or none at the end of the stream."""
        while not self.inflate.eof:
            data = self.pending or self.volumes.read()
            if not data:
                raise self.damaged(_("it is truncated"))
            try:
                block = self.inflate.decompress(data, limit)
            except zlib.error as error:
                raise self.damaged(_("not a gzip stream: {reason}").format(reason=error)) from error
            self.pending = self.inflate.unconsumed_tail
            if block:
                return block
        return b""

    def blocks(self, size: int) -> Iterator[bytes]:
        while size:
            block = self.block(min(size, BLOCK))
            if not block:
                raise self.damaged(_("it is truncated"))
            size -= len(block)
            yield block

    def exactly(self, size: int) -> bytes:
        return b"".join(self.blocks(size))

    def finish(self) -> None:
        """Raise TrustError if more data follows, in the stream or after it, or the last volume is not as signed."""
        if self.block(1) or self.inflate.unused_data or self.volumes.read():
            raise self.damaged(_("it has trailing data"))
        self.volumes.compare()


def read_archive(
    volumes: Volumes, manifest: Manifest, manifest_bytes: bytes, left_out: Container[FileEntry] = ()
) -> Iterator[tuple[FileEntry, Iterator[bytes]]]:
    """Yield each file of the archive in manifest order, with its verified blocks.

    ``volumes`` lists the files that hold the archive, in order, each with its own signed digest: one if the archive is
    not split. ``left_out`` lists the files of the manifest that a delta bundle omits. Raises TrustError if anything
    differs from what was signed.
    """
    mtime = manifest.created_epoch
    own = own_entry(manifest_bytes)
    with hashing() as raw, hashing() as worker:
        files = _Volumes(volumes, raw)
        stream = _Inflated(files)
        for entry in (own, *(entry for entry in manifest.files if entry not in left_out)):
            header = ustar_header(f"{manifest.root}/{entry.path}", entry.size, entry.mode, mtime)
            if stream.exactly(len(header)) != header:
                raise stream.damaged(_("{member} is not at its expected position").format(member=entry.path))
            name = partial("{0.name}: {1.path}".format, files, entry)
            blocks = checked_blocks(entry, stream.blocks(entry.size), Aside(worker), name)
            if entry is not own:
                yield entry, blocks
            drain(blocks)
            if any(stream.exactly(padding(entry.size))):
                raise stream.damaged(_("there is hidden data after {member}").format(member=entry.path))
        if stream.exactly(len(END)) != END:
            raise stream.damaged(_("it contains data after the last file of the manifest"))
        stream.finish()


def own_entry(manifest_bytes: bytes) -> FileEntry:
    """Return the entry of the manifest itself, which it cannot list."""
    return FileEntry(NAME, len(manifest_bytes), hashlib.sha256(manifest_bytes).hexdigest(), "document")


def visit_folder(root: Path, manifest_bytes: bytes, entries: Iterable[FileEntry], take: Take) -> None:
    """Pass each given file of an unpacked bundle to ``take`` with its verified blocks, several at a time.

    The largest come first, so that none is left to a single thread at the end. Raises TrustError, or
    what ``take`` raises; files that have not been started by then are skipped.
    """
    drain(checked_blocks(own_entry(manifest_bytes), file_blocks(root / NAME, NAME)))

    def visit(entry: FileEntry) -> None:
        blocks = checked_blocks(entry, file_blocks(root.joinpath(*entry.path.split("/")), entry.path))
        take(entry, blocks)
        drain(blocks)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _done in pool.map(visit, sorted(entries, key=lambda entry: -entry.size)):
            pass
