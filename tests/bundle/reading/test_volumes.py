"""An archive that was cut into volumes."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from bundle import digest
from bundle.reading.archive import read_archive
from shared.errors import TrustError
from tests.bundle.reading.archives import DATA, MANIFEST, SCRIPT, block_of, plain_tar, read, written

if TYPE_CHECKING:
    from pathlib import Path


def cut(path: Path, size: int) -> list[tuple[Path, str]]:
    """Cut an archive into volumes."""
    data, volumes = path.read_bytes(), []
    for number, start in enumerate(range(0, len(data), size), 1):
        volume = path.with_name(f"{path.name}.{number:03d}")
        volume.write_bytes(data[start : start + size])
        volumes.append((volume, digest.sha256_file(volume)[0]))
    return volumes


def read_volumes(volumes: list[tuple[Path, str]]) -> dict[str, bytes]:
    return {entry.path: b"".join(blocks) for entry, blocks in read_archive(volumes, MANIFEST, DATA)}


@pytest.mark.parametrize("size", [1, 7, 100, 1000, 1 << 20])
def test_volumes_are_read_as_one_stream(tmp_path, size) -> None:
    path, sha256 = written(tmp_path)
    assert read_volumes(cut(path, size)) == read(path, sha256)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_the_volume_that_was_altered_is_the_one_that_is_named(tmp_path, number, place) -> None:
    path, _sha256 = written(tmp_path)
    volumes = cut(path, path.stat().st_size // 3 + 1)
    volume = volumes[number - 1][0]
    data = bytearray(volume.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    volume.write_bytes(data)
    with pytest.raises(TrustError, match=f"^{volume.name}"):
        read_volumes(volumes)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"", lambda data: data + b"\0"])
def test_a_volume_of_another_length_is_named(tmp_path, change) -> None:
    path, _sha256 = written(tmp_path)
    volumes = cut(path, path.stat().st_size // 3 + 1)
    volume = volumes[1][0]
    volume.write_bytes(change(volume.read_bytes()))
    with pytest.raises(TrustError, match=f"^{volume.name}: its SHA-256 does not match the signed one"):
        read_volumes(volumes)


def test_a_volume_after_the_end_is_refused(tmp_path) -> None:
    path, _sha256 = written(tmp_path)
    volumes = cut(path, path.stat().st_size // 2 + 1)
    more = path.with_name(f"{path.name}.003")
    more.write_bytes(b"more")
    with pytest.raises(TrustError, match=f"^{more.name}: it has trailing data"):
        read_volumes([*volumes, (more, digest.sha256_file(more)[0])])


def test_volumes_in_the_wrong_order_are_refused(tmp_path) -> None:
    path, _sha256 = written(tmp_path)
    first, second, third = cut(path, path.stat().st_size // 3 + 1)
    with pytest.raises(TrustError, match=f"^{third[0].name}"):
        read_volumes([first, third, second])


def test_a_member_is_compared_before_its_volume(tmp_path) -> None:
    path, _sha256 = written(tmp_path)
    tar = bytearray(plain_tar())
    tar[block_of(SCRIPT) + 512] ^= 1
    path.write_bytes(gzip.compress(tar, 1, mtime=0))
    volumes = cut(path, path.stat().st_size - 10)
    with pytest.raises(TrustError, match=f"^{volumes[0][0].name}: {SCRIPT}: "):
        read_volumes(volumes)
