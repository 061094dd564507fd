"""Damaged by chance: all of it is found."""

from __future__ import annotations

import pytest

from tests.reliability import damage, invariants
from tests.reliability import world as worlds


@pytest.mark.parametrize("seed", range(5))
def test_ten_corruptions_are_found(world, place, tmp_path, seed):
    prefix = world.start(worlds.ROLLBACK, place)
    done, _sealed = damage.hurt(prefix, seed)
    before = invariants.tree(prefix.root)
    looked = damage.look(prefix, tmp_path / "diagnosis.json")
    assert invariants.tree(prefix.root) == before
    damage.check_found(done, *looked)


def test_nothing_is_found_where_nothing_is_damaged(world, place, tmp_path):
    prefix = world.start(worlds.ROLLBACK, place)
    said, report = damage.look(prefix, tmp_path / "diagnosis.json")
    assert said.code == 0, report
