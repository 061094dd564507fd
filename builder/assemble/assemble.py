"""Writing the archive of a bundle, which any tar can open.

Wheels, weights and the zipapp are already compressed: they are written to the gzip stream as stored
blocks (RFC 1951, 3.2.4); everything else is deflated. One stream, one writer, constant memory.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.assemble.volumes import ArchiveFile
from builder.members import STORED_LIMIT, member
from bundle.manifest import NAME
from bundle.reading import archive
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from builder.members import Member
    from bundle.manifest import FileEntry, Manifest
    from shared.terminal.progress import Progress

LEVEL = 6
STORED_KINDS = ("wheel", "model")
STORED_ENDINGS = (".pyz", ".whl", ".zip", ".gz", ".xz", ".png", ".jpg", ".parquet")
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: no name, no time, unknown OS


class _GzipWriter:
    """A gzip file in which each member is either deflated or stored.

    The CRC is computed in the thread that hashes the archive; the members' digests, in the calling thread. Together,
    they are most of the work.
    """

    def __init__(self, file: ArchiveFile) -> None:
        self.file = file
        self.stored = False
        self.deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.crc, self.size = 0, 0
        self.file.write(GZIP_HEADER)

    def switch(self, *, stored: bool) -> None:
        """Switch between deflating and storing: a full flush ends on a byte boundary and prevents back-references."""
        if stored and not self.stored:
            self.file.write(self.deflate.flush(zlib.Z_FULL_FLUSH))
        elif self.stored and not stored:
            self.deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.stored = stored

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self.file.worker.submit(self._check, data)
        self.file.write(b"".join(_stored_blocks(data)) if self.stored else self.deflate.compress(data))

    def _check(self, data: bytes) -> None:
        self.crc = zlib.crc32(data, self.crc)

    def finish(self) -> dict[str, str]:
        """End the stream; return the SHA-256 of each of the archive's files, by name."""
        self.switch(stored=False)
        self.file.write(self.deflate.flush(zlib.Z_FINISH))
        self.file.worker.submit(self._check, b"").result()  # the last task in the queue
        self.file.write(struct.pack("<II", self.crc, self.size & 0xFFFFFFFF))
        return self.file.finish()


def _stored_blocks(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield data as stored blocks, none of them marked as the final one (RFC 1951, 3.2.4)."""
    view = memoryview(data)
    for start in range(0, len(data), STORED_LIMIT):
        part = view[start : start + STORED_LIMIT]
        yield struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF)
        yield part


def is_stored(entry: FileEntry) -> bool:
    """Return whether a file is already compressed, so that deflating it would only waste time."""
    return entry.kind in STORED_KINDS or entry.path.endswith(STORED_ENDINGS)


@dataclass(frozen=True)
class Contents:
    """The contents of an archive: its manifest, parsed and as bytes, and the members in manifest order."""

    manifest: Manifest
    manifest_bytes: bytes
    members: Sequence[Member]


def write_archive(
    path: Path, contents: Contents, progress: Progress, *, volume_size: int | None = None
) -> dict[str, str]:
    """Write an archive; return the SHA-256 of each of its files, by name.

    The archive is a single file unless it exceeds ``volume_size`` bytes. Raises BuildError if a file has changed
    since its digest was computed.
    """
    root, mtime = contents.manifest.root, contents.manifest.created_epoch
    own = member(NAME, "document", contents.manifest_bytes)
    with (
        closing(ArchiveFile(path, volume_size)) as file,
        progress.task(path.name, sum(item.entry.size for item in contents.members)) as task,
    ):
        out = _GzipWriter(file)
        for item in (own, *contents.members):
            entry = item.entry
            out.switch(stored=is_stored(entry))
            out.write(archive.ustar_header(f"{root}/{entry.path}", entry.size, entry.mode, mtime))
            sha256, size = hashlib.sha256(), 0
            for block in item.blocks():
                sha256.update(block)
                size += len(block)
                out.write(block)
                task.advance(len(block))
            if (sha256.hexdigest(), size) != (entry.sha256, entry.size):
                raise BuildError(
                    _("{path} changed while it was being packed.").format(path=item.content),
                    advice=_("Stop the program that is writing to it, then build again."),
                )
            out.write(bytes(archive.padding(size)))
        out.write(archive.END)
        return out.finish()
