"""Damaged by chance: all of it is repaired, and nothing else is installed again."""

from __future__ import annotations

import pytest

from tests.reliability import damage
from tests.reliability import world as worlds


@pytest.mark.parametrize("seed", range(5))
def test_ten_corruptions_are_repaired(world, place, seed):
    prefix = world.start(worlds.ROLLBACK, place)
    damage.repair(world, prefix, *damage.hurt(prefix, seed))
