"""Ten random corruptions at a time, found and repaired: ``python -m tests.reliability.damage --batches 50``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from installer.logs import audit_log
from installer.release import receipt
from shared.terminal.console import show, show_lines
from tests.reliability import corruption, invariants, matrix, points, victim
from tests.reliability import world as worlds

UNLISTED = {"receipt", "pointer"}  # while these are damaged nobody can say what the rest should be
LOOKED_AT = ["--category", "Security", "--category", "Packages", "--category", "RAGTrace"]


def contents(release):
    """Return what must be the same again: all but bytecode, and uv's note of when it installed."""
    return {
        item.path: item.content
        for item in receipt.read_receipt(release).items
        if not item.path.endswith((".pyc", "/uv_cache.json", ".dist-info/RECORD"))
    }


def look(prefix, report):
    """Validate, and return what was said and the report."""
    said = worlds.run(["validate", "--prefix", str(prefix.root), "--output", str(report), *LOOKED_AT])
    return said, json.loads(report.read_text())


def check_found(done, said, report):
    """Raise unless every damage is in the report."""
    assert said.code == 1
    assert report["overall_status"] == "CRITICAL"
    if not UNLISTED & {damage.area for damage in done}:
        evidence = json.dumps([result["evidence"] for result in report["validation_results"]], ensure_ascii=False)
        assert [damage for damage in done if damage.path not in evidence] == []


def repair(world, prefix, done, sealed):
    """Recover, and raise unless all is as it was and only damaged packages were installed again."""
    before = invariants.Before.of(worlds.UPGRADE, prefix)
    bundle = ["--bundle", str(world.bundle("new")), "--trust-key", str(world.key)]
    worlds.tell(["recover", "--yes", *bundle, "--prefix", str(prefix.root)])
    assert contents(prefix.active()) == sealed
    invariants.check_whole(prefix, before)
    invariants.check_clean(prefix)
    invariants.check_users(prefix, before)
    if not UNLISTED & {damage.area for damage in done}:
        packages = {damage.package for damage in done if damage.package and not damage.path.endswith(".pyc")}
        assert set(audit_log.entries(prefix)[-1]["packages"]) == packages


def hurt(prefix, seed):
    """Damage a prefix in ten places; return what was done and what the release held before."""
    sealed = contents(prefix.active())
    return corruption.damage(prefix, seed), sealed


def batch(seed, world, folder):
    """Do one batch; return the areas damaged and what broke ("" for nothing)."""
    place = folder / f"batch{seed}"
    prefix = world.start(worlds.ROLLBACK, place)
    victim.own_places(folder / points.trust_of(place))
    done, sealed = hurt(prefix, seed)
    try:
        check_found(done, *look(prefix, place / "diagnosis.json"))
        repair(world, prefix, done, sealed)
    except Exception:  # noqa: BLE001 - whatever breaks is the result
        return [damage.area for damage in done], f"batch {seed}: {traceback.format_exc(limit=-2)}"
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return [damage.area for damage in done], ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=50)
    options = parser.parse_args()
    began = time.monotonic()
    with matrix.scratch() as folder:
        world = worlds.make(folder / "world")
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(matrix.WORKERS, mp_context=context) as pool:
            results = list(pool.map(partial(batch, world=world, folder=folder), range(options.batches)))
    areas = Counter(area for damaged, _broke in results for area in damaged)
    show(", ".join(f"{area} {count}" for area, count in sorted(areas.items())))
    broken = [broke for _areas, broke in results if broke]
    show_lines("\n".join([*broken, f"{sum(areas.values())} corruptions, {len(broken)} bad batches"]))
    show(f"{time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
