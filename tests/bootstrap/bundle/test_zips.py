from __future__ import annotations

import errno

import pytest

from bootstrap.bundle.zips import readable
from bootstrap.errors import HostError


def test_what_a_host_refuses_is_told_of_the_host(tmp_path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(b"PK")
    with pytest.raises(HostError, match=r"a\.whl cannot be read"), readable(path):
        raise OSError(errno.EIO, "Input/output error", str(path))


def test_what_the_bytes_of_an_archive_cause_is_left_to_whoever_reads_them(tmp_path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(b"PK")
    with pytest.raises(OSError, match="Invalid argument") as caught, readable(path):
        raise OSError(errno.EINVAL, "Invalid argument")  # of a seek to before the beginning
    assert not isinstance(caught.value, HostError)
