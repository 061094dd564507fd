from __future__ import annotations

import errno
import os
import zipfile

import pytest

from shared.errors import HostError
from shared.files.zips import readable


def test_what_a_host_refuses_is_told_of_the_host(tmp_path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(b"PK")
    with pytest.raises(HostError, match=r"a\.whl cannot be read"), readable(path):
        raise OSError(errno.EIO, "Input/output error", str(path))


def test_so_is_an_archive_whose_end_cannot_be_read(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w"):
        pass

    def refuse(_file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(zipfile, "_EndRecData", refuse)
    with pytest.raises(HostError, match=r"a\.whl cannot be read: Input/output error"), readable(path):
        zipfile.ZipFile(path)
    monkeypatch.undo()
    path.write_bytes(b"PK")
    with pytest.raises(zipfile.BadZipFile), readable(path):
        zipfile.ZipFile(path)


def test_what_the_bytes_of_an_archive_cause_is_left_to_whoever_reads_them(tmp_path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(b"PK")
    with pytest.raises(OSError, match="Invalid argument") as caught, readable(path):
        raise OSError(errno.EINVAL, "Invalid argument")  # of a seek to before the beginning
    assert not isinstance(caught.value, HostError)
