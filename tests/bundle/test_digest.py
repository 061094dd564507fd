import hashlib
import io
import shutil
import subprocess
from typing import IO, cast

import pytest

from bundle import digest
from shared.errors import TrustError

ZEROS = "0" * 64


class Trickle(io.RawIOBase):
    """Gives one byte a read, as a slow pipe may."""

    def __init__(self, data):
        self.data = data

    def read(self, count=-1):
        taken, self.data = self.data[:1], self.data[1:]
        return taken


def test_digests_of_the_same_bytes_agree(tmp_path):
    data = b"abc" * digest.BLOCK
    expected = hashlib.sha256(data).hexdigest()
    (tmp_path / "file").write_bytes(data)
    assert digest.sha256_bytes(data) == expected
    assert digest.sha256_file(tmp_path / "file") == (expected, len(data))
    assert digest.sha256_stream(io.BytesIO(data)) == (expected, len(data))
    assert digest.sha256_stream(cast("IO[bytes]", Trickle(b"abc"))) == (hashlib.sha256(b"abc").hexdigest(), 3)
    assert digest.sha256_stream(io.BytesIO()) == (hashlib.sha256().hexdigest(), 0)


def test_sums_round_trip_sorted():
    sums = {"b.txt": ZEROS, "a/질문 1.csv": "f" * 64}
    data = digest.write_sums(sums)
    assert data == f"{'f' * 64}  a/질문 1.csv\n{ZEROS}  b.txt\n".encode()
    assert digest.read_sums(data, "SHA256SUMS") == sums


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_reads_them(tmp_path):
    (tmp_path / "질문 1.csv").write_bytes(b"one")
    sums = {"질문 1.csv": digest.sha256_bytes(b"one")}
    (tmp_path / "SHA256SUMS").write_bytes(digest.write_sums(sums))
    argv = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "질문 1.csv").write_bytes(b"two")
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 1


LINE = f"{ZEROS}  a\n".encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "its lines must be sorted"),
        (b"\n", "its lines must be sorted"),
        (LINE.rstrip(b"\n"), "its lines must be sorted"),
        (LINE + b"\n", "its lines must be sorted"),
        (LINE + LINE, "its lines must be sorted"),
        (f"{ZEROS}  b\n{ZEROS}  a\n".encode(), "its lines must be sorted"),
        (b"# comment\n" + LINE, "its lines must be sorted"),
        (LINE.replace(b"  ", b" *"), "its lines must be sorted"),
        (LINE.replace(b"  ", b" "), "its lines must be sorted"),
        (LINE.replace(b"\n", b"\r\n"), "control"),
        (b"\xef\xbb\xbf" + LINE, "its lines must be sorted"),
        (LINE.replace(b"0" * 64, b"A" * 64), "its lines must be sorted"),
        (b"\\" + LINE, "its lines must be sorted"),
        (b"0" + LINE, "its lines must be sorted"),
        (f"{ZEROS}  ../a\n".encode(), "'..' part"),
        (f"{ZEROS}  /a\n".encode(), "not a relative path"),
        (f"{ZEROS}    a\n".encode(), "space"),
        (ZEROS.encode() + b"  \xff\n", "not UTF-8"),
        (b"0" * (digest.SUMS_LIMIT + 1), "larger than"),
    ],
)
def test_other_sums_are_refused(data, why):
    with pytest.raises(TrustError, match=r"^SHA256SUMS: ") as caught:
        digest.read_sums(data, "SHA256SUMS")
    assert why in caught.value.what
