from __future__ import annotations

import hashlib
from contextlib import closing

import pytest

from builder.assemble import volumes
from builder.assemble.volumes import ArchiveFile, parse_size
from shared.errors import BuildError, UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000000", 1_000_000),
        ("650M", 650_000_000),
        ("650MB", 650_000_000),
        ("4G", 4_000_000_000),
        ("4g", 4_000_000_000),
        ("4GiB", 4 << 30),
        ("4Gi", 4 << 30),
        ("1T", 10**12),
    ],
)
def test_sizes(text, size) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "4 G", "-4G", "0", "4.5G", "4iB", "G", "4X", "٤G", "1e9", "9" * 5000])
def test_what_is_no_size(text) -> None:
    with pytest.raises(UsageError, match=r"is not a valid size \(650M"):
        parse_size(text)


def test_a_size_that_is_a_slip() -> None:
    with pytest.raises(UsageError, match="too small"):
        parse_size("4K")


def write(folder, size, *pieces) -> dict[str, str]:
    with closing(ArchiveFile(folder / "a.tar.gz", size)) as file:
        for piece in pieces:
            file.write(piece)
        return file.finish()


@pytest.mark.parametrize("size", [1, 3, 4, 5, 9, 10])
def test_volumes_together_are_the_file(tmp_path, size) -> None:
    pieces = [b"abc", b"", b"defghij", b"k", b"lm"]
    found = write(tmp_path, size, *pieces)
    data = [(tmp_path / name).read_bytes() for name in found]
    assert b"".join(data) == b"".join(pieces)
    assert {len(part) for part in data[:-1]} == {size}
    assert found == {name: hashlib.sha256(part).hexdigest() for name, part in zip(found, data, strict=True)}
    assert list(found) == sorted(found) == sorted(path.name for path in tmp_path.iterdir())
    assert next(iter(found)) == "a.tar.gz.001"
    paths = [tmp_path / name for name in found]
    assert volumes.sha256_of(paths) == hashlib.sha256(b"".join(pieces)).hexdigest()


@pytest.mark.parametrize("size", [None, 6, 7])
def test_what_fits_stays_whole(tmp_path, size) -> None:
    assert write(tmp_path, size, b"abc", b"def") == {"a.tar.gz": hashlib.sha256(b"abcdef").hexdigest()}
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_too_many_volumes(tmp_path) -> None:
    assert len(write(tmp_path, 1, bytes(volumes.MOST))) == volumes.MOST
    with pytest.raises(BuildError, match="more than 999 volumes"):
        write(tmp_path, 1, bytes(volumes.MOST + 1))
