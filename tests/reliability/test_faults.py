"""Killed, cut off, refused by the disk: whole old or whole new, and the next command mends it."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from shared.errors import RagtraceError
from shared.processes import process
from tests.hosts import needs
from tests.reliability import invariants, matrix, power
from tests.reliability import world as worlds


def broken(results):
    return [result.row() for result in results if result.broke]


def test_a_kill_anywhere_leaves_a_whole_release(world, found, scratch):
    results = matrix.run(matrix.kills(found, 60), world, scratch)
    assert len(results) == 60
    assert broken(results) == []
    assert sum(result.hit for result in results) >= 50


def test_a_failing_call_anywhere_is_told_and_leaves_a_whole_release(world, found, scratch):
    results = matrix.run(matrix.failures(found, 40), world, scratch)
    assert len(results) == 40
    assert broken(results) == []
    assert sum(result.code in (4, 5) for result in results) >= 20


@pytest.fixture
def disks(scratch):
    with ExitStack() as stack, needs.or_skip():
        yield [stack.enter_context(power.disk(scratch, number)) for number in range(matrix.WORKERS)]


def test_a_power_cut_anywhere_leaves_a_whole_release(world, found, scratch, disks):
    results = matrix.run(matrix.cuts(found, 20), world, scratch, disks=disks)
    assert len(results) == 20
    assert broken(results) == []


def upgrade_then_cut(world, disk, **spec):
    """Upgrade to the end and cut the power; return the prefix and what was there before."""
    place = disk.place / "place"
    prefix = world.start(worlds.UPGRADE, place)
    before = invariants.Before.of(worlds.UPGRADE, prefix)
    (place / "trust").mkdir()
    ended = worlds.hurt(
        world.argv(worlds.UPGRADE, prefix.root), {"trust": str(place / "trust"), "programs": {}, **spec}
    )
    assert ended.ok, ended
    disk.cut_power()
    return prefix, before


def test_what_an_upgrade_reported_as_done_outlasts_a_power_cut(world, disks):
    prefix, before = upgrade_then_cut(world, disks[0])
    invariants.check_whole(prefix, before)
    assert prefix.active().id != before.active


def test_without_its_sync_the_same_upgrade_does_not(world, disks):
    prefix, before = upgrade_then_cut(world, disks[0], no_sync=True)
    assert prefix.active().id != before.active
    with pytest.raises((AssertionError, RagtraceError, OSError)):
        invariants.check_whole(prefix, before)


@pytest.fixture
def tmpfs(tmp_path):
    """Mount a small filesystem that is full after what is named."""
    mounted = []

    def mount(options):
        with needs.or_skip():
            needs.root_on_linux()
        place = tmp_path / "small"
        place.mkdir()
        done = process.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], timeout=30)
        if not done.ok:
            pytest.skip(f"a tmpfs cannot be mounted: {done.stderr}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        assert process.run(["umount", str(place)], timeout=30).ok


def fill(world, place, monkeypatch):
    """Upgrade on a filesystem that has no room for it, though preflight was told otherwise; return what was said."""
    monkeypatch.setattr("installer.install.preflight.require_ok", lambda _findings: None)
    monkeypatch.setattr("installer.userdata.backups.require_free", lambda _prefix, _needed: None)
    prefix = world.start(worlds.UPGRADE, place / "place")
    before = invariants.Before.of(worlds.UPGRADE, prefix)
    said = worlds.run(world.argv(worlds.UPGRADE, prefix.root))
    assert said.code == 5, said
    assert "No space left on device" in said.err, said.err
    assert matrix.SENTENCE.search(said.err), said.err
    assert f"The active release is still {before.active}." in said.err
    invariants.check_whole(prefix, before)
    invariants.check_clean(prefix)
    invariants.check_users(prefix, before)


def size_of(folder):
    files = [path for path in folder.rglob("*") if not path.is_symlink()]
    return sum(-(-path.stat().st_size // 4096) * 4 for path in files if path.is_file()), len(list(folder.rglob("*")))


@pytest.mark.parametrize("more", [8, 40, 100])
def test_a_disk_that_fills_up(world, tmpfs, trust_stores, monkeypatch, more):
    size, _inodes = size_of(world.folder / f"{worlds.UPGRADE}.prefix")
    fill(world, tmpfs(f"size={size + more}k"), monkeypatch)


@pytest.mark.parametrize("more", [8, 60])
def test_a_disk_without_inodes(world, tmpfs, trust_stores, monkeypatch, more):
    _size, inodes = size_of(world.folder / f"{worlds.UPGRADE}.prefix")
    fill(world, tmpfs(f"size=64m,nr_inodes={inodes + more}"), monkeypatch)


@pytest.mark.parametrize("space", ["full", "some"])
def test_a_repair_on_a_disk_that_is_full(world, tmpfs, trust_stores, space):
    size, _inodes = size_of(world.folder / f"{worlds.RECOVER}.prefix")
    place = tmpfs(f"size={size + 400}k")
    prefix = world.start(worlds.RECOVER, place / "place")
    before = invariants.Before.of(worlds.RECOVER, prefix, world)
    ballast = place / "ballast"
    with ballast.open("wb") as file:
        statvfs = os.statvfs(place)
        room = statvfs.f_bavail * statvfs.f_frsize
        file.write(bytes(room if space == "full" else room - 200_000))
    said = worlds.run(world.argv(worlds.RECOVER, prefix.root))
    assert said.code in (4, 5), said
    assert matrix.SENTENCE.search(said.err), said.err
    assert prefix.active().id == before.active
    invariants.check_users(prefix, before)


@pytest.mark.parametrize("options", ["size=1m", "size=64m,nr_inodes=300"])
def test_a_disk_that_is_too_small_is_refused_before_the_first_write(world, tmpfs, trust_stores, options):
    place = tmpfs(options)
    said = worlds.run(world.argv(worlds.INSTALL, place / "prefix"))
    assert said.code == 4, said
    assert matrix.SENTENCE.search(said.err), said.err
    assert list(place.iterdir()) == []
