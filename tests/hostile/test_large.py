"""Bundles with a model beyond 2 and beyond 4 GiB are verified whole: the last byte counts.

The model is a hole with one byte at its end. In the archive it is a run of equal deflate blocks. That its
digest is wrong is only said once exactly as many bytes as were signed have been read, so a refusal for that
reason shows that all were; one form of one size is accepted too, so that the digest is known to be right.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import replace

import pytest

from bundle.reading.archive import END, padding, ustar_header
from tests.hostile.kit import ARCHIVE, UNPACKED, Draft, Original

LAST = "07_Models/tiny/weights.json"
MEGABYTE = 1 << 20
SIZES = {"2-GiB": (2 << 30) + 1, "4-GiB": (4 << 30) + 1}


@pytest.fixture(scope="module")
def digests() -> dict[int, str]:
    """Give the digest of each size of zeros with a final X; all are found on the way to the largest."""
    digest, zeros, found = hashlib.sha256(), bytes(MEGABYTE), {}
    for block in range(max(SIZES.values()) // MEGABYTE + 1):
        for size in SIZES.values():
            if size // MEGABYTE == block:
                whole = digest.copy()
                whole.update(zeros[: size % MEGABYTE - 1] + b"X")
                found[size] = whole.hexdigest()
        digest.update(zeros)
    return found


def enlarged(original: Original, size: int, sha256: str) -> Original:
    """Return the bundle with a last file of zeros and a final X."""
    files = tuple(
        replace(entry, size=size, sha256=sha256) if entry.path == LAST else entry for entry in original.manifest.files
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


@pytest.fixture(scope="module", params=list(SIZES.values()), ids=list(SIZES))
def large(request, original, digests) -> Original:
    return enlarged(original, request.param, digests[request.param])


def test_a_large_file_of_a_folder_is_verified_whole(host, large, capsys) -> None:
    draft = large.draft(host.root / "media" / "large")
    draft.write(UNPACKED)
    size = large.manifest.entry(LAST).size
    with (draft.root / LAST).open("r+b") as file:
        file.truncate(0)
        file.seek(size - 1)
        file.write(b"X")
    if size == max(SIZES.values()):
        ended = host.run(capsys, "verify", draft.folder)
        assert ended.code == 0, ended.text
    with (draft.root / LAST).open("r+b") as file:
        file.seek(size - 1)
        file.write(b"Y")
    ended = host.run(capsys, "verify", draft.folder)
    assert ended.code == 3
    assert f"{LAST}: its SHA-256 does not match the signed one" in ended.text


def test_a_large_member_of_an_archive_is_verified_whole(host, large, capsys) -> None:
    draft = large.draft(host.root / "media" / "large")
    size = large.manifest.entry(LAST).size
    draft.write(ARCHIVE)
    draft.archive.write_bytes(packed(draft, size, b"Y"))
    draft.sign(digests=draft.digests())
    ended = host.run(capsys, "verify", draft.folder)
    assert ended.code == 3
    assert f"{LAST}: its SHA-256 does not match the signed one" in ended.text
