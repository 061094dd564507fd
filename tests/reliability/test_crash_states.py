"""A disk shows what was flushed and any part of the rest: whole old or whole new, whichever part it is."""

from __future__ import annotations

import os

import pytest

from tests.hosts import needs
from tests.reliability import blocks, crash_states, states
from tests.reliability import world as worlds
from tests.reliability.crash_states import Batch

SAMPLE = (
    Batch("ext4", worlds.UPGRADE, 0, 100),
    Batch("xfs", worlds.MIGRATE, 0, 70),
    Batch("btrfs", worlds.RECOVER, 0, 60),
    Batch("ext4-default", worlds.RESTORE, 0, 70),
)
OLD, FIRST, SECOND = (letter * states.SECTOR for letter in (b"-", b"1", b"2"))


@pytest.fixture
def disk(tmp_path):
    """Four sectors; two are written together, one of them again, and after a flush the third."""
    image = tmp_path / "image"
    image.write_bytes(4 * OLD)
    first, again, after = blocks.Write(0, 2 * FIRST), blocks.Write(0, SECOND), blocks.Write(2 * 512, FIRST)
    return image, blocks.Tape([first, again, None, after], began=0, ended=4)


def test_every_part_of_what_was_not_flushed_is_a_state(disk):
    image, tape = disk
    found = states.choose(tape, image, 100, "seed")
    player = states.Player(image, tape)
    seen = [player.build(state).read_bytes() for state in found]
    pairs = [OLD + OLD, FIRST + FIRST, SECOND + FIRST, SECOND + OLD, FIRST + OLD, OLD + FIRST]
    wanted = [pair + 2 * OLD for pair in pairs] + [SECOND + FIRST + FIRST + OLD]
    assert sorted(seen) == sorted(wanted)
    assert states.choose(tape, image, 100, "seed") == found


def test_what_was_flushed_is_in_every_later_state(disk):
    image, tape = disk
    found = states.choose(tape, image, 100, "seed")
    player = states.Player(image, tape)
    later = [player.build(state).read_bytes() for state in found if state.flushed == 3]
    assert later
    assert {data[: 2 * states.SECTOR] for data in later} == {SECOND + FIRST}
    assert max(state.moment for state in found) == tape.ended


def broken(results):
    return [(result.batch, row) for result in results for row in result.broken]


def look(batches, world, scratch, **options):
    with needs.or_skip():
        needs.root_on_linux()
        for filesystem in {batch.filesystem for batch in batches}:
            crash_states.FILESYSTEMS[filesystem].make(scratch / "tried")
        os.unlink(scratch / "tried")
        results = crash_states.run(batches, world, scratch, **options)
        for result in results:
            if result.unavailable:
                raise needs.Unavailable(result.unavailable, installable=False)
    return results


def test_every_state_that_a_crash_may_leave_is_whole(world, scratch):
    results = look(SAMPLE, world, scratch)
    assert broken(results) == []
    assert sum(result.states for result in results) == 300
    assert all(result.trees > 10 for result in results)


def test_without_a_sync_broken_states_are_found(world, scratch):
    [result] = look([Batch("ext4", worlds.UPGRADE, 0, 300, no_sync=True)], world, scratch, stop=True)
    assert result.broken
