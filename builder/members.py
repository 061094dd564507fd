"""The files of a bundle before it is one: what each is called in it, and where its bytes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import digest
from bundle.manifest import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORED_LIMIT = 0xFFFF  # bytes of one stored block (RFC 1951, 3.2.4)
BLOCK = 16 * STORED_LIMIT  # bytes read at once: whole blocks of the archive


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
