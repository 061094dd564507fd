"""Putting a bundle together: the archive that any tar opens, and the folder that travels.

Wheels, weights and the zipapp are compressed already: they go into the gzip stream as stored
blocks (RFC 1951, 3.2.4), everything else is deflated. One stream, one writer, constant memory.
"""

from __future__ import annotations

import hashlib
import queue
import struct
import threading
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.bundle import archive, digest
from bootstrap.bundle.manifest import NAME, FileEntry, Manifest
from bootstrap.errors import BuildError
from bootstrap.i18n import _
from builder.volumes import ArchiveFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bootstrap.console import Progress

LEVEL = 6
STORED_LIMIT = 0xFFFF  # bytes of one stored block (RFC 1951, 3.2.4)
BLOCK = 16 * STORED_LIMIT  # bytes read at once
AHEAD = 16  # blocks that wait to be hashed
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
            yield from iter(lambda: file.read(BLOCK), b"")


def member(path: str, kind: str, content: Path | bytes) -> Member:
    """Return a member with its size and SHA-256 taken now."""
    if isinstance(content, bytes):
        return Member(FileEntry(path, len(content), digest.sha256_bytes(content), kind), content)
    sha256, size = digest.sha256_file(content)
    return Member(FileEntry(path, size, sha256, kind), content)


class _GzipWriter:
    """A gzip file whose parts are deflated or stored, as each member needs.

    The CRC is taken in a thread of its own: with the digests it is most of the work.
    """

    def __init__(self, file: ArchiveFile) -> None:
        self.file = file
        self.stored = False
        self.deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.check = _Check()
        self.file.write(GZIP_HEADER)

    def switch(self, *, stored: bool) -> None:
        """Go on at another level: a full flush ends the part on a byte, with nothing to refer back to."""
        if stored and not self.stored:
            self.file.write(self.deflate.flush(zlib.Z_FULL_FLUSH))
        elif self.stored and not stored:
            self.deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.stored = stored

    def write(self, data: bytes) -> None:
        self.check.add(data)
        self.file.write(b"".join(_stored_blocks(data)) if self.stored else self.deflate.compress(data))

    def finish(self) -> dict[str, str]:
        """End the stream; return the SHA-256 of each file that holds it, by name."""
        self.switch(stored=False)
        self.file.write(self.deflate.flush(zlib.Z_FINISH))
        crc, size = self.check.drained()
        self.file.write(struct.pack("<II", crc, size & 0xFFFFFFFF))
        return self.file.finish()

    def close(self) -> None:
        self.check.close()


def _stored_blocks(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield data as stored blocks, none of them the last (RFC 1951, 3.2.4)."""
    view = memoryview(data)
    for start in range(0, len(data), STORED_LIMIT):
        part = view[start : start + STORED_LIMIT]
        yield struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF)
        yield part


class _Check:
    """The CRC-32 and size of what a gzip stream holds, computed in a thread; at most AHEAD blocks wait."""

    def __init__(self) -> None:
        self.crc, self.size = 0, 0
        self.waiting: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self.waiting.put(data)

    def drained(self) -> tuple[int, int]:
        """Return the CRC and size of all that was added."""
        self.waiting.join()
        return self.crc, self.size

    def close(self) -> None:
        if self.thread.is_alive():
            self.waiting.put(None)
            self.thread.join()

    def _run(self) -> None:
        for data in iter(self.waiting.get, None):
            self.crc = zlib.crc32(data, self.crc)
            self.waiting.task_done()


def is_stored(entry: FileEntry) -> bool:
    """Tell whether deflating a file again would only cost time."""
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
        closing(_GzipWriter(file)) as out,
        progress.task(path.name, manifest.total_bytes) as task,
    ):
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
