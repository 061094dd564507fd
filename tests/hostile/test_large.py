"""Bundles with a model beyond 2 and beyond 4 GiB are verified whole: the last byte counts.

The model is a hole with one byte at its end. In the archive it is a run of equal deflate blocks.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import replace

import pytest

from bootstrap.bundle.archive import END, padding, ustar_header
from tests.hostile.kit import ARCHIVE, UNPACKED, Draft, Original

LAST = "07_Models/tiny/weights.json"
MEGABYTE = 1 << 20
SIZES = {"2-GiB": (2 << 30) + 1, "4-GiB": (4 << 30) + 1}


def enlarged(original: Original, size: int) -> Original:
    """Return the bundle with a last file of zeros and a final X."""
    digest, zeros = hashlib.sha256(), bytes(MEGABYTE)
    for _block in range(size // MEGABYTE):
        digest.update(zeros)
    digest.update(zeros[: size % MEGABYTE - 1] + b"X")
    files = tuple(
        replace(entry, size=size, sha256=digest.hexdigest()) if entry.path == LAST else entry
        for entry in original.manifest.files
    )
    assert files[-1].path == LAST
    return Original(replace(original.manifest, files=files), original.contents, original.key)


def packed(draft: Draft, size: int, last: bytes) -> bytes:
    """Return the archive, the zeros as copies of one full-flushed deflate block (RFC 1951)."""
    manifest = draft.original.manifest
    *parts, _weights = draft.parts
    head = b"".join(part.header + part.data + part.pad for part in parts)
    head += ustar_header(f"{manifest.root}/{LAST}", size, 0o644, manifest.created_epoch)
    end = bytes(size % MEGABYTE - 1) + last + bytes(padding(size)) + END

    def flushed(data: bytes, mode: int) -> bytes:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflate.compress(data) + deflate.flush(mode)

    zeros, count = bytes(MEGABYTE), size // MEGABYTE
    crc = zlib.crc32(head)
    for _block in range(count):
        crc = zlib.crc32(zeros, crc)
    length = (len(head) + count * MEGABYTE + len(end)) & 0xFFFFFFFF
    return b"".join(
        [
            b"\x1f\x8b\x08" + bytes(6) + b"\xff",
            flushed(head, zlib.Z_FULL_FLUSH),
            flushed(zeros, zlib.Z_FULL_FLUSH) * count,
            flushed(end, zlib.Z_FINISH),
            struct.pack("<II", zlib.crc32(end, crc), length),
        ]
    )


@pytest.fixture(scope="module", params=SIZES.values(), ids=SIZES)
def large(request, original) -> Original:
    return enlarged(original, request.param)


def test_a_large_file_of_a_folder_is_verified_whole(host, large, capsys) -> None:
    draft = large.draft(host.root / "media" / "large")
    draft.write(UNPACKED)
    size = large.manifest.entry(LAST).size
    with (draft.root / LAST).open("r+b") as file:
        file.truncate(0)
        file.seek(size - 1)
        file.write(b"X")
    ended = host.run(capsys, "verify", draft.folder)
    assert ended.code == 0, ended.text
    with (draft.root / LAST).open("r+b") as file:
        file.seek(size - 1)
        file.write(b"Y")
    ended = host.run(capsys, "verify", draft.folder)
    assert ended.code == 3
    assert f"{LAST}: its SHA-256 is not the signed one" in ended.text


def test_a_large_member_of_an_archive_is_verified_whole(host, large, capsys) -> None:
    draft = large.draft(host.root / "media" / "large")
    size = large.manifest.entry(LAST).size
    draft.write(ARCHIVE)
    draft.archive.write_bytes(packed(draft, size, b"X"))
    draft.sign(digests=draft.digests())
    ended = host.run(capsys, "verify", draft.folder)
    assert ended.code == 0, ended.text
    draft.archive.write_bytes(packed(draft, size, b"Y"))
    draft.sign(digests=draft.digests())
    ended = host.run(capsys, "verify", draft.folder)
    assert ended.code == 3
    assert f"{LAST}: its SHA-256 is not the signed one" in ended.text
