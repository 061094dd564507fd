"""Putting a bundle together: the archive that any tar opens, and the folder that travels.

Wheels, weights and the zipapp are compressed already: they go into the gzip stream as stored
blocks (RFC 1951, 3.2.4), everything else is deflated. One stream, one writer, constant memory.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from bootstrap.bundle import archive, digest
from bootstrap.bundle.manifest import NAME, FileEntry, Manifest
from bootstrap.errors import BuildError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bootstrap.console import Progress

LEVEL = 6
STORED_KINDS = ("wheel", "model")
STORED_ENDINGS = (".pyz", ".whl", ".zip", ".gz", ".xz", ".png", ".jpg", ".parquet")
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: no name, no time, unknown OS


@dataclass(frozen=True)
class Member:
    """A file on its way into a bundle: its entry, and where its bytes are."""

    entry: FileEntry
    content: Path | bytes

    def blocks(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            yield from iter(lambda: file.read(digest.BLOCK), b"")


def member(path: str, kind: str, content: Path | bytes) -> Member:
    """Return a member with its size and SHA-256 taken now."""
    if isinstance(content, bytes):
        return Member(FileEntry(path, len(content), digest.sha256_bytes(content), kind), content)
    sha256, size = digest.sha256_file(content)
    return Member(FileEntry(path, size, sha256, kind), content)


class _GzipWriter:
    """A gzip file whose parts are deflated or stored, as each member needs; hashed as it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()
        self.crc, self.size = 0, 0
        self.stored = False
        self.deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._out(GZIP_HEADER)

    def _out(self, data: bytes) -> None:
        self.sha256.update(data)
        self.file.write(data)

    def switch(self, *, stored: bool) -> None:
        """Go on at another level: a full flush ends the part on a byte, with nothing to refer back to."""
        if stored != self.stored:
            self._out(self.deflate.flush(zlib.Z_FULL_FLUSH))
            self.deflate = zlib.compressobj(0 if stored else LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            self.stored = stored

    def write(self, data: bytes) -> None:
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)
        self._out(self.deflate.compress(data))

    def finish(self) -> str:
        """End the stream; return the SHA-256 of the whole file."""
        self._out(self.deflate.flush(zlib.Z_FINISH))
        self._out(struct.pack("<II", self.crc, self.size & 0xFFFFFFFF))
        return self.sha256.hexdigest()


def is_stored(entry: FileEntry) -> bool:
    """Tell whether deflating a file again would only cost time."""
    return entry.kind in STORED_KINDS or entry.path.endswith(STORED_ENDINGS)


def write_archive(
    path: Path, manifest: Manifest, manifest_bytes: bytes, members: Sequence[Member], progress: Progress
) -> str:
    """Write the archive and return its SHA-256; members come in the manifest's order.

    Raises BuildError when a file changed since its digest was taken.
    """
    mtime = manifest.created_epoch
    own = member(NAME, "document", manifest_bytes)
    with path.open("wb") as file, progress.task(path.name, manifest.total_bytes) as task:
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
                    _("{path} changed while it was packed.").format(path=item.content),
                    advice=_("Build again when nothing else writes there."),
                )
            out.write(bytes(archive.padding(size)))
        out.write(archive.END)
        return out.finish()
