"""Making way for a file of ours."""

from __future__ import annotations

import errno
import os

import pytest

from shared.files import aside

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners of POSIX")


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """Give a file whose owner this user cannot change."""

    def refuse(*_arguments, **_options):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chown", refuse)
    path = tmp_path / "lock"
    path.write_bytes(b"text")
    path.chmod(0o640)
    return path


def test_a_file_of_somebody_else_gives_way_to_a_copy_with_its_content_and_mode(theirs) -> None:
    before = theirs.stat().st_ino
    aside.own(theirs)
    assert theirs.read_bytes() == b"text"
    assert theirs.stat().st_mode & 0o777 == 0o640
    assert theirs.stat().st_ino != before


def test_what_a_killed_run_left_beside_it_is_in_no_way(theirs) -> None:
    (theirs.parent / ".lock.own.tmp").write_bytes(b"half")
    aside.own(theirs)
    assert theirs.read_bytes() == b"text"
    assert os.listdir(theirs.parent) == ["lock"]
