"""The archive that tests of the readers write, alter and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.assemble.assemble import Contents, write_archive
from builder.members import member
from bundle.manifest import NAME
from bundle.reading.archive import read_archive, ustar_header
from shared.terminal.progress import NoProgress
from tests.bundles import CONTENTS, make_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest


MANIFEST = make_manifest()
DATA = MANIFEST.to_bytes()
MEMBERS = [member(path, kind, data) for path, (kind, data) in CONTENTS.items()]
MTIME = MANIFEST.created_epoch


def written(folder: Path) -> tuple[Path, str]:
    path = folder / MANIFEST.archive
    return path, write_archive(path, Contents(MANIFEST, DATA, MEMBERS), NoProgress())[path.name]


def read(path: Path, sha256: str, manifest: Manifest = MANIFEST, data: bytes = DATA) -> dict[str, bytes]:
    return {entry.path: b"".join(blocks) for entry, blocks in read_archive([(path, sha256)], manifest, data)}


def plain_tar() -> bytes:
    """Return the uncompressed archive, put together by hand."""
    parts = []
    for name, data in [(NAME, DATA), *((path, data) for path, (_kind, data) in CONTENTS.items())]:
        mode = next((item.entry.mode for item in MEMBERS if item.entry.path == name), 0o644)
        parts += [ustar_header(f"{MANIFEST.root}/{name}", len(data), mode, MTIME), data, bytes(-len(data) % 512)]
    return b"".join([*parts, bytes(1024)])


def block_of(path: str) -> int:
    """Return where a member's header begins."""
    return plain_tar().index(f"{MANIFEST.root}/{path}".encode())


SCRIPT = "04_Scripts/install.sh"
