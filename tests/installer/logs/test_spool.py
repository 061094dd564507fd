"""What waits on disk for a collector: bounded, private, and of no harm whatever is found there."""

from __future__ import annotations

import errno
import os
import stat
import sys

import pytest

from installer.logs import spool
from shared.errors import HostError
from shared.files import folders, process_lock


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "user_state", lambda _tool: tmp_path / "state")
    return tmp_path / "state" / spool.FOLDER


def frame(text):
    return b"%d %s" % (len(text), text)


def left(stream, *texts):
    """Leave lines as a run does that ended without its collector."""
    backlog = spool.create(stream)
    for text in texts:
        assert backlog.append(frame(text))
    backlog.end()


def rest():
    """Return what the next run would send, and end it."""
    found = []
    for backlog in spool.earlier():
        found.append(backlog.frames(backlog.confirmed, 1 << 20))
        backlog.end()
    return found


def test_what_is_not_confirmed_stays_in_its_order(place):
    left("a" * 16, b"1", b"2")
    left("b" * 16, b"3")
    assert rest() == [[b"1 1", b"1 2"], [b"1 3"]]
    assert rest() == [[b"1 1", b"1 2"], [b"1 3"]]
    for backlog in spool.earlier():
        backlog.confirm(backlog.size)
        backlog.end()
    assert list(place.iterdir()) == []


def test_what_was_confirmed_is_not_sent_again():
    backlog = spool.create("a" * 16)
    for text in (b"one", b"two", b"three"):
        backlog.append(frame(text))
    backlog.confirm(len(frame(b"one")))
    backlog.end()
    assert rest() == [[b"3 two", b"5 three"]]


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_only_its_user_reads_it(place):
    left("a" * 16, b"secret")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()] == [0o600]


def test_a_run_that_goes_on_is_left_alone():
    backlog = spool.create("a" * 16)
    backlog.append(frame(b"mine"))
    assert list(spool.earlier()) == []
    assert spool.prune() == 0
    backlog.end()
    assert rest() == [[b"4 mine"]]


def test_one_run_has_a_limit_and_says_when_it_is_reached():
    backlog = spool.Backlog(limit=10)
    assert backlog.append(frame(b"1234567"))
    assert not backlog.append(frame(b"8"))
    assert backlog.append(frame(b"dropped"), beyond=True)
    assert backlog.frames(0, 100) == [b"7 1234567", b"7 dropped"]


def test_the_oldest_go_first_and_are_counted(monkeypatch):
    for number in range(5):
        left(f"{number:016x}", b"x" * 100, b"y" * 100)
    monkeypatch.setattr(spool, "LIMIT", 250)
    assert spool.prune() == 6
    assert len(rest()) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"%020d\n" % 10**15,
        b"-0000000000000000001\n2 ab",
        b"%020d\n" % 0 + b"99999 x",
        b"%020d\n" % 0 + b"0 ",
        b"%020d\n" % 0 + b"\xb2 ab",
        b"%020d\n" % 0 + b"5 abc",
    ],
)
def test_a_file_that_is_damaged_is_removed_and_sends_nothing(place, content):
    left("a" * 16, b"1")
    (path,) = place.iterdir()
    path.write_bytes(content)
    assert [frames for frames in rest() if frames] == []
    for backlog in spool.earlier():
        backlog.end()
    assert list(place.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_a_link_is_not_followed(place, tmp_path):
    left("a" * 16, b"1")
    (path,) = place.iterdir()
    target = tmp_path / "target"
    path.rename(target)
    path.symlink_to(target)
    assert rest() == []
    assert spool.prune() == 0
    assert target.exists()


def test_a_full_disk_moves_it_to_memory(place, monkeypatch):
    backlog = spool.create("a" * 16)
    assert backlog.append(frame(b"before"))
    write = os.write

    def full(handle, data):
        if handle == backlog._handle:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data)

    monkeypatch.setattr(os, "write", full)
    assert backlog.append(frame(b"after"))
    assert backlog.frames(0, 100) == [b"6 before", b"5 after"]
    assert not backlog.is_stored
    backlog.confirm(backlog.size)
    backlog.end()
    assert list(place.iterdir()) == []


def test_a_user_without_a_home_has_it_in_memory(monkeypatch):
    def none(_tool):
        raise HostError("no home")

    monkeypatch.setattr(folders, "user_state", none)
    backlog = spool.create("a" * 16)
    assert backlog.append(frame(b"1"))
    assert (backlog.is_stored, backlog.frames(0, 10)) == (False, [b"1 1"])
    assert list(spool.earlier()) == []


def test_a_filesystem_without_locks_has_it_in_memory(place, monkeypatch):
    monkeypatch.setattr(process_lock, "_try", lambda _handle, _path: False)
    backlog = spool.create("a" * 16)
    assert backlog.append(frame(b"1"))
    assert not backlog.is_stored
    assert list(place.iterdir()) == []
