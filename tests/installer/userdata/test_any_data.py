"""Any data comes back from a backup, and a copy is like its original."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.change import restore
from installer.userdata import backup_files, copies
from shared.errors import HostError
from shared.files import files, trees
from tests.helpers import QUIET
from tests.installer.userdata.facts import HOLE, TIME, a_prefix, facts, grow

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names, links and holes of POSIX")


def is_name(name: bytes) -> bool:
    return name not in (b".", b"..")


names = st.binary(min_size=1, max_size=40).map(lambda data: data.translate(None, b"/\0")).filter(bool).filter(is_name)
modes = st.sampled_from([0o400, 0o600, 0o644, 0o755, 0o2750, 0o1777, 0o4711])
times = st.integers(min_value=0, max_value=2**31).map(lambda seconds: seconds * 10**9 + 123_456_789)
contents = st.lists(st.tuples(st.sampled_from([0, 0, HOLE]), st.binary(max_size=50)), max_size=3)
plain = st.one_of(
    st.tuples(st.just("file"), contents, modes, times),
    st.tuples(st.just("link"), names, st.none(), times),
    st.tuples(st.just("name of"), st.integers(0, 9), st.none(), st.none()),
)
trees_of = st.recursive(
    st.dictionaries(names, plain, max_size=5),
    lambda below: st.dictionaries(names, st.tuples(st.just("folder"), below, modes, times), max_size=3),
    max_leaves=12,
)


few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(tree=trees_of, later=trees_of)
def test_any_data_come_back_from_a_backup(tree, later) -> None:
    with a_prefix() as prefix:
        grow(os.fsencode(prefix.data), tree, [])
        wanted = facts(prefix.data)
        restore.create_backup(prefix, QUIET)
        restore.create_backup(prefix, QUIET)  # shares with the first what it can
        files.remove_tree(prefix.data)
        prefix.data.mkdir()
        grow(os.fsencode(prefix.data), later, [])
        others = facts(prefix.data)
        done = restore.restore(prefix, "latest", QUIET)
        assert facts(prefix.data) == wanted
        restore.restore(prefix, done.before.name, QUIET)
        assert facts(prefix.data) == others
        assert not list(prefix.root.glob(".ragtrace-*"))


@few
@given(tree=trees_of)
def test_a_copy_is_like_its_original_and_shares_nothing_with_it(tree) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, copy = Path(folder, "source"), Path(folder, "copy")
        source.mkdir()
        try:
            grow(os.fsencode(source), tree, [])
            assert copies.copy_tree(source, copy) == []
            assert facts(copy) == facts(source)
            inodes = {entry.status.st_ino for entry in trees.files(source)}
            assert not inodes & {entry.status.st_ino for entry in trees.files(copy)}
            assert sorted(os.listdir(folder)) == ["copy", "source"]
        finally:
            files.remove_tree(source)
            files.remove_tree(copy)


def test_what_a_file_with_holes_holds_is_told_apart_and_its_holes_are_not_read(empty) -> None:
    big = empty.data / "big"
    with big.open("wb") as file:
        file.truncate(1 << 42)  # 4 TiB: hours, if they were read
        for place, text in ((HOLE - 3, b"abcdef"), (1 << 41, b"middle"), ((1 << 42) - 3, b"end")):
            file.seek(place)
            file.write(text)
    before = facts_of_big(big)
    made = restore.create_backup(empty, QUIET).backup
    os.truncate(big, (1 << 42) - 1)
    restore.restore(empty, made.name, QUIET)
    assert facts_of_big(big) == before
    for place, byte in ((HOLE, b"x"), (1 << 40, b"\1"), (1 << 41, b"\0")):
        stored = made.path / "files/data/big"
        previous = facts_of_big(stored)
        with stored.open("r+b") as file:
            file.seek(place)
            was = file.read(1)
            file.seek(place)
            file.write(byte)
            file.flush()
            with pytest.raises(HostError, match="big in the backup is damaged"):
                backup_files.check(made)
            file.seek(place)
            file.write(was)
        assert facts_of_big(stored)[0] == previous[0]
        backup_files.check(made)  # zeros that are written are as good as a hole


def facts_of_big(path: Path) -> tuple[int, list[bytes]]:
    with path.open("rb") as file:
        return path.stat().st_size, [os.pread(file.fileno(), 8, place) for place in (HOLE - 3, 1 << 41, (1 << 42) - 8)]


def test_the_facts_tell_of_holes_and_further_names(tmp_path) -> None:
    """The comparison above has teeth."""
    grow(os.fsencode(tmp_path), {b"a": ("file", [(0, b"x"), (HOLE, b"y")], 0o600, TIME)}, [])
    os.link(tmp_path / "a", tmp_path / "b")
    before = facts(tmp_path)
    assert before[b"/a"][4] == before[b"/b"][4]
    assert len(before[b"/a"][4][2]) == 2, "the filesystem of the tests makes no holes"
    data = (tmp_path / "b").read_bytes()
    (tmp_path / "b").unlink()
    (tmp_path / "b").write_bytes(data)
    after = facts(tmp_path)
    assert after[b"/b"][4][0] == b"/b"
    assert after[b"/b"][4][2] != before[b"/a"][4][2]
