"""Years of a host: what must hold holds after each operation, and is missed where the protocol is broken."""

from __future__ import annotations

import pytest
from hypothesis import Phase

from tests.reliability.years.disk import Disk
from tests.reliability.years.machine import live
from tests.reliability.years.memory import Memory
from tests.reliability.years.versions import Versions

# what is left out of the protocol, and the seeds of which one must find it
MUTATIONS = ("KEEP_LAST", "COLLECTS_THE_WAY_BACK", "NO_SWAP_OUT", "NO_JOURNAL", "FORGETS_DATA", "MEMORY_GOES_DOWN")
ONE_LIFE = (Phase.generate,)


@pytest.fixture(scope="module")
def versions(scratch):
    return Versions(scratch / "versions")


@pytest.mark.parametrize("number", [3, 12])
def test_a_host_lives_on(number, versions, scratch, trust_stores):
    reported = live(lambda: Disk(scratch / "host", versions), number, 40)
    assert len(reported) > 30


def test_a_host_in_memory_lives_for_long():
    reported = [one for number in range(10) for one in live(Memory, number, 100)]
    assert len(reported) > 900


@pytest.mark.parametrize("left_out", MUTATIONS)
def test_without_it_a_life_breaks(left_out):
    def lives():
        for number in range(20):
            live(lambda: Memory((left_out,)), number, 60, ONE_LIFE)

    with pytest.raises(AssertionError):
        lives()
