"""The readers of a bundle's archive: what is read back, and what is refused."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import subprocess
import tarfile
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from builder import members
from builder.assemble.assemble import Contents, write_archive
from builder.members import member
from bundle import digest
from bundle.manifest import NAME, parse_manifest
from bundle.reading import medium
from bundle.reading.archive import END, read_archive, ustar_header
from shared.errors import TrustError
from shared.terminal.progress import NoProgress
from tests.bundle.reading.archives import DATA, MANIFEST, MEMBERS, MTIME, SCRIPT, block_of, plain_tar, read, written
from tests.bundles import CONTENTS

if TYPE_CHECKING:
    from pathlib import Path


def refused(folder: Path, tar: bytes, *, raw: bytes | None = None) -> str:
    """Pack an altered tar, signed as it is, and return why the reader refuses it."""
    path = folder / MANIFEST.archive
    path.write_bytes(gzip.compress(tar, 1, mtime=0) if raw is None else raw)
    with pytest.raises(TrustError) as caught:
        read(path, digest.sha256_file(path)[0])
    assert caught.value.advice
    return caught.value.what


def test_what_was_written_is_read_back(tmp_path) -> None:
    path, sha256 = written(tmp_path)
    assert read(path, sha256) == {name: data for name, (_kind, data) in CONTENTS.items()}
    assert sha256 == digest.sha256_file(path)[0]
    assert gzip.decompress(path.read_bytes()) == plain_tar()


def test_the_hand_made_archive_is_accepted_so_that_its_alterations_prove_something(tmp_path) -> None:
    path = tmp_path / MANIFEST.archive
    path.write_bytes(gzip.compress(plain_tar(), 1, mtime=0))
    assert read(path, digest.sha256_file(path)[0])


def test_any_tar_lists_and_unpacks_it(tmp_path) -> None:
    path, _sha256 = written(tmp_path)
    listed = subprocess.run(["tar", "-tzf", path], capture_output=True, text=True, check=True, env=utf8()).stdout
    assert listed.splitlines() == [f"{MANIFEST.root}/{name}" for name in (NAME, *CONTENTS)] or "\\" in listed
    subprocess.run(["tar", "-xzf", path, "-C", tmp_path], check=True, env=utf8())
    for name, (_kind, data) in CONTENTS.items():
        unpacked = tmp_path / MANIFEST.root / name
        assert unpacked.read_bytes() == data
        assert unpacked.stat().st_mtime == MTIME
    assert os.access(tmp_path / MANIFEST.root / "04_Scripts/install.sh", os.X_OK)
    with tarfile.open(path) as opened:
        assert {item.name for item in opened} == {f"{MANIFEST.root}/{name}" for name in (NAME, *CONTENTS)}


def utf8() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def test_the_header_is_one_that_tarfile_reads() -> None:
    for path, size, mode in (("a/b.txt", 5, 0o644), ("x" * 90 + "/" + "y" * 90, 8**11 - 1, 0o755)):
        info = tarfile.TarInfo.frombuf(ustar_header(path, size, mode, MTIME), "utf-8", "strict")
        assert (info.name, info.size, info.mode, info.mtime, info.isreg()) == (path, size, mode, MTIME, True)
        assert (info.uid, info.gid, info.uname, info.gname, info.linkname) == (0, 0, "", "", "")


@pytest.mark.parametrize("size", [*range(980, 1010), 102, 1107])
def test_a_long_path_is_in_a_pax_record_that_any_tar_reads(tmp_path, size) -> None:
    path = ("x" * 98 + "한" + ("y" * 99 + "/") * 11)[: size - 3] + "z"  # the letter has three bytes, two of which fit
    assert len(path.encode()) == size
    data = ustar_header(path, 3, 0o755, MTIME) + b"abc" + bytes(509) + END
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        (info,) = opened.getmembers()
        file = opened.extractfile(info)
        assert (file.read() if file else None, info.name, info.mode, info.mtime) == (b"abc", path, 0o755, MTIME)
        assert info.pax_headers == {"path": path}
    listed = subprocess.run(["tar", "-t"], input=data, capture_output=True, check=True, env=utf8()).stdout
    assert path in (listed.decode().rstrip("\n"), listed.decode("unicode_escape").encode("latin-1").decode().strip())


def test_only_a_long_path_has_a_pax_record_and_raises_the_format(tmp_path) -> None:
    long = f"03_Source/{'folder/' * 40}{'n' * 200}.txt"
    items = sorted([*MEMBERS, member(long, "source", b"far")], key=lambda item: item.entry.path)
    manifest = replace(MANIFEST, files=tuple(item.entry for item in items))
    data = manifest.to_bytes()
    assert (MANIFEST.written_format(), manifest.written_format(), parse_manifest(data).to_bytes()) == (1, 2, data)
    path = tmp_path / manifest.archive
    sha256 = write_archive(path, Contents(manifest, data, items), NoProgress())[path.name]
    assert read(path, sha256, manifest, data)[long] == b"far"
    assert gzip.decompress(path.read_bytes()).count(b" path=") == 1
    subprocess.run(["tar", "-xzf", path, "-C", tmp_path], check=True, env=utf8())
    assert (tmp_path / manifest.root / long).read_bytes() == b"far"
    for wrong, right in ((data, b'"format": 1'), (DATA, b'"format": 2')):
        with pytest.raises(TrustError, match="not in the canonical form"):
            parse_manifest(re.sub(rb'"format": \d', right, wrong))


def test_every_byte_counts(tmp_path) -> None:
    path, sha256 = written(tmp_path)
    whole = path.read_bytes()
    # all of both ends, where the headers of gzip and tar are, and a sample between
    offsets = {*range(64), *range(len(whole) - 64, len(whole)), *random.Random(1).sample(range(len(whole)), 200)}
    for offset in sorted(offsets):
        for changed in (
            whole[:offset] + whole[offset + 1 :],
            whole[:offset] + bytes([whole[offset] ^ 0x10]) + whole[offset + 1 :],
        ):
            path.write_bytes(changed)
            with pytest.raises(TrustError) as caught:
                read(path, sha256)
            assert any(name in caught.value.what for name in (path.name, *CONTENTS, NAME)), caught.value.what


def test_cut_at_every_tar_block(tmp_path) -> None:
    tar = plain_tar()
    for end in range(0, len(tar), 512):
        assert "it is truncated" in refused(tmp_path, tar[:end])


def test_cut_gzip_stream_without_its_checksum(tmp_path) -> None:
    packed = gzip.compress(plain_tar(), 1, mtime=0)
    for missing in (1, 4, 8):
        assert "it is truncated" in refused(tmp_path, b"", raw=packed[:-missing])


def test_what_follows_the_end(tmp_path) -> None:
    packed = gzip.compress(plain_tar(), 1, mtime=0)
    for more in (b"x", b"\0", gzip.compress(b""), gzip.compress(plain_tar())):
        assert "it has trailing data" in refused(tmp_path, b"", raw=packed + more)
    for more in (b"\0", bytes(512), b"x" * 512):
        assert "it has trailing data" in refused(tmp_path, plain_tar() + more)


def test_not_gzip_at_all(tmp_path) -> None:
    assert "not a gzip stream" in refused(tmp_path, b"", raw=plain_tar())
    assert "it is truncated" in refused(tmp_path, b"", raw=b"")


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (100, b"0000777\0"),  # mode
        (108, b"0001750\0"),  # owner
        (116, b"0001750\0"),  # group
        (136, b"00000000001\0"),  # mtime
        (156, b"2"),  # a symbolic link
        (156, b"x"),  # PAX
        (156, b"L"),  # a GNU long name
        (156, b"\0"),  # the old way to say a regular file
        (157, b"/etc/passwd"),  # where a link leads
        (257, b"ustar  \0"),  # GNU's magic
        (265, b"root"),  # the owner's name
        (500, b"hidden"),  # what nobody looks at
        (124, b"\x80" + bytes(10) + b"\x0a"),  # a size in base 256
    ],
)
def test_headers_of_another_form(tmp_path, offset, value) -> None:
    tar, start = bytearray(plain_tar()), block_of(SCRIPT)
    tar[start + offset : start + offset + len(value)] = value
    header = tar[start : start + 512]
    header[148:156] = b" " * 8
    tar[start + 148 : start + 156] = b"%06o\0 " % sum(header)  # with the right checksum
    assert f"{SCRIPT} is not at its expected position" in refused(tmp_path, bytes(tar))


def test_extra_missing_and_exchanged_members(tmp_path) -> None:
    tar = plain_tar()
    first, second = block_of("04_Scripts/install.sh"), block_of("05_Documentation/OPERATING.md")
    third = block_of("07_Models/tiny/config.json")
    extra = ustar_header(f"{MANIFEST.root}/extra", 0, 0o644, MTIME)
    assert "expected position" in refused(tmp_path, tar[:first] + extra + tar[first:])
    assert "contains data after the last file" in refused(tmp_path, tar[:-1024] + extra + tar[-1024:])
    assert "expected position" in refused(tmp_path, tar[:first] + tar[second:])
    assert "expected position" in refused(tmp_path, tar[:first] + tar[second:third] + tar[first:second] + tar[third:])
    assert "expected position" in refused(tmp_path, tar[:first] + tar[first:second] + tar[first:])


def test_something_hidden_behind_a_file(tmp_path) -> None:
    tar = bytearray(plain_tar())
    tar[block_of(SCRIPT) + 512 + len(CONTENTS[SCRIPT][1])] = 1
    assert f"hidden data after {SCRIPT}" in refused(tmp_path, bytes(tar))


def test_an_altered_file_is_named_even_when_the_archive_has_its_signed_digest(tmp_path) -> None:
    for path, (_kind, data) in CONTENTS.items():
        tar = bytearray(plain_tar())
        tar[block_of(path) + 512 + len(data) - 1] ^= 1
        assert path in refused(tmp_path, bytes(tar))


def test_the_archives_own_digest_is_compared_last(tmp_path) -> None:
    path, _sha256 = written(tmp_path)
    with pytest.raises(TrustError, match="SHA-256 does not match the signed one"):
        read(path, "0" * 64)


def test_a_consumer_that_leaves_early_does_not_spare_the_check(tmp_path) -> None:
    tar = bytearray(plain_tar())
    tar[block_of(SCRIPT) + 512] ^= 1
    path = tmp_path / MANIFEST.archive
    path.write_bytes(gzip.compress(tar, 1, mtime=0))
    with pytest.raises(TrustError, match=SCRIPT):
        list(read_archive([(path, digest.sha256_file(path)[0])], MANIFEST, DATA))


def test_reading_and_writing_take_constant_memory(tmp_path) -> None:
    size = 48 << 20
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(size)
    items = [member("03_Source/deflated.bin", "source", big), member("07_Models/tiny/stored.bin", "model", big)]
    manifest = replace(MANIFEST, files=tuple(item.entry for item in items))
    path = tmp_path / "big.tar.gz"
    tracemalloc.start()
    sha256 = write_archive(path, Contents(manifest, DATA, items), NoProgress())[path.name]
    for _entry, blocks in read_archive([(path, sha256)], manifest, DATA):
        medium.drain(blocks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # the writer's thread is at most so many blocks behind, as read and as written, however busy the machine is
    most = 2 * (medium.AHEAD + 4) * members.BLOCK
    assert peak < most < size
    assert size < path.stat().st_size < size + (1 << 20)  # one of the two was deflated


def test_a_reader_that_is_given_up_waits_for_no_thread(tmp_path, monkeypatch) -> None:
    waited: list[bool] = []
    end = ThreadPoolExecutor.shutdown
    monkeypatch.setattr(
        ThreadPoolExecutor, "shutdown", lambda self, wait=True, **more: (waited.append(wait), end(self, wait, **more))
    )
    made = written(tmp_path)
    waited.clear()
    reader = read_archive([made], MANIFEST, DATA)
    next(reader)
    reader.close()  # type: ignore[attr-defined] # of a generator
    assert waited == [False, False]
