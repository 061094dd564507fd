"""Putting a bundle together: the archive that any tar opens, and the folder that travels.

Wheels, weights and the zipapp are compressed already: they go into the gzip stream as stored
blocks (RFC 1951, 3.2.4), everything else is deflated. One stream, one writer, constant memory.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from contextlib import closing
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
    """A gzip file whose parts are deflated or stored, as each member needs.

    The CRC is taken where the file is hashed, in a thread of its own: with the members' digests that is most of
    the work.
    """

    def __init__(self, file: ArchiveFile) -> None:
        self.file = file
        self.stored = False
        self.deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.crc, self.size = 0, 0
        self.file.write(GZIP_HEADER)

    def switch(self, *, stored: bool) -> None:
        """Go on at another level: a full flush ends the part on a byte, with nothing to refer back to."""
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
        """End the stream; return the SHA-256 of each file that holds it, by name."""
        self.switch(stored=False)
        self.file.write(self.deflate.flush(zlib.Z_FINISH))
        self.file.worker.submit(self._check, b"").result()  # the last in the row
        self.file.write(struct.pack("<II", self.crc, self.size & 0xFFFFFFFF))
        return self.file.finish()


def _stored_blocks(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield data as stored blocks, none of them the last (RFC 1951, 3.2.4)."""
    view = memoryview(data)
    for start in range(0, len(data), STORED_LIMIT):
        part = view[start : start + STORED_LIMIT]
        yield struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF)
        yield part


def is_stored(entry: FileEntry) -> bool:
    """Return whether deflating a file again would only cost time."""
    return entry.kind in STORED_KINDS or entry.path.endswith(STORED_ENDINGS)


def write_archive(
    path: Path,
    manifest: Manifest,
    manifest_bytes: bytes,
    members: Sequence[Member],
    progress: Progress,
    *,
    volume_size: int | None = None,
) -> dict[str, str]:
    """Write the archive and return the SHA-256 of each file that holds it, by name; members come in manifest order.

    One file, unless ``volume_size`` bytes are not enough. Raises BuildError when a file changed since its digest
    was taken.
    """
    mtime = manifest.created_epoch
    own = member(NAME, "document", manifest_bytes)
    with (
        closing(ArchiveFile(path, volume_size)) as file,
        progress.task(path.name, sum(item.entry.size for item in members)) as task,
    ):
        out = _GzipWriter(file)
        for item in (own, *members):
            entry = item.entry
            out.switch(stored=is_stored(entry))
            out.write(archive.ustar_header(f"{manifest.root}/{entry.path}", entry.size, entry.mode, mtime))
            sha256, size = hashlib.sha256(), 0
            for block in item.blocks():
                sha256.update(block)
                size += len(block)
                out.write(block)
                task.advance(len(block))
            if (sha256.hexdigest(), size) != (entry.sha256, entry.size):
                raise BuildError(
                    _("{path} changed while it was being packed.").format(path=item.content),
                    advice=_("Build again when no other program writes there."),
                )
            out.write(bytes(archive.padding(size)))
        out.write(archive.END)
        return out.finish()
