"""The files that go into a bundle, each with its manifest entry and its content."""

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
    """A file to bundle: its manifest entry, and its content as bytes or as a path."""

    entry: FileEntry
    content: Path | bytes

    def blocks(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            yield from iter(lambda: file.read(BLOCK), b"")


def member(path: str, kind: str, content: Path | bytes) -> Member:
    """Return a member, computing its size and SHA-256 from the content."""
    if isinstance(content, bytes):
        return Member(FileEntry(path, len(content), digest.sha256_bytes(content), kind), content)
    sha256, size = digest.sha256_file(content)
    return Member(FileEntry(path, size, sha256, kind), content)
