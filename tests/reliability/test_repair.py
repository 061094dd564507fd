"""Damaged by chance: all of it is repaired, and nothing else is installed again."""

from __future__ import annotations

import pytest

from bootstrap import audit_log, receipt
from tests.reliability import corruption
from tests.reliability import world as worlds

BATCHES = 5  # of ten each
PROOF = {"receipt", "pointer"}  # without these it is not known which packages are damaged


def contents(release):
    """Return what must be the same again: all but bytecode, and uv's note of when it installed."""
    return {
        item.path: item.content
        for item in receipt.read_receipt(release).items
        if not item.path.endswith((".pyc", "/uv_cache.json", ".dist-info/RECORD"))
    }


@pytest.mark.parametrize("seed", range(BATCHES))
def test_ten_corruptions_are_repaired(world, place, seed):
    prefix = world.start(worlds.ROLLBACK, place)
    before, sealed = worlds.Before.of(worlds.UPGRADE, prefix), contents(prefix.active())
    done = corruption.damage(prefix, seed)
    bundle = ["--bundle", str(world.bundle("new")), "--trust-key", str(world.key)]
    worlds.tell(["recover", "--yes", *bundle, "--prefix", str(prefix.root)])
    assert contents(prefix.active()) == sealed
    worlds.check_whole(prefix, before)
    worlds.check_clean(prefix)
    worlds.check_users(prefix, before)
    if not PROOF & {damage.area for damage in done}:
        packages = {damage.package for damage in done if damage.package and not damage.path.endswith(".pyc")}
        assert set(audit_log.entries(prefix)[-1]["packages"]) == packages
