"""Ends installations, upgrades, rollbacks and recoveries on a Windows host at many points: run there, by its Python.

    python -m tests.windows.kills FOLDER [--points 25] [--part 0/2] [--kind program] [--break]

A line of JSON for each point. The exit code is 1 where a state is broken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import traceback
from pathlib import Path

from tests.reliability import invariants, victim
from tests.reliability import world as worlds
from tests.windows import kill_victim

OPERATIONS = (worlds.INSTALL, worlds.UPGRADE, worlds.ROLLBACK, worlds.RECOVER)
LIMIT = 300  # seconds


def run_victim(world, operation, place, root, target=None, broken=False):
    """Run an operation in a process of its own and return how it ended."""
    trust = place / "trust"
    trust.mkdir(exist_ok=True)
    counts = place / "counts.json"
    spec = {
        "place": str(place / "prefix"),
        "trust": str(trust),
        "target": target,
        "counts": str(counts),
        "break": broken,
    }
    argv = [sys.executable, "-B", "-m", "tests.windows.kill_victim", json.dumps(spec), *world.argv(operation, root)]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    return ended, json.loads(counts.read_text()) if counts.is_file() else {}


def sample(counted, most):
    """Return at most so many points, the same number for each operation and kind, at least one of the rare ones."""
    groups = sorted(((number, operation, kind) for (operation, kind), number in counted.items()))
    chosen, left = [], most
    for rest, (number, operation, kind) in zip(range(len(groups), 0, -1), groups):
        share = min(number, max(left // rest, min(left, 1)))
        step = number / share if share else 0
        chosen += [(operation, kind, int((index + 0.5) * step) + 1) for index in range(share)]
        left -= share
    return chosen


def hit(world, point, number, place, broken):
    """End an operation at a point and check what is left; return the result as JSON values."""
    operation, kind, nth = point
    reported = {"operation": operation, "kind": kind, "nth": nth, "hit": False, "broke": ""}
    try:
        prefix = world.start(operation, place)
        before = invariants.Before.of(operation, prefix, world)
        victim.own_places(place / "trust")  # what is done again here remembers what was accepted there
        ended, _counts = run_victim(world, operation, place, prefix.root, (kind, nth), broken)
        reported["hit"] = ended.returncode == kill_victim.CODE
        if not reported["hit"]:
            assert ended.returncode == 0, ended.stderr.decode("utf-8", "replace")[-800:]
        if prefix.root.exists():
            invariants.check_whole(prefix, before)
        invariants.check_after(prefix, before, number, world)
    except Exception:  # noqa: BLE001 - whatever breaks is the result
        reported["broke"] = traceback.format_exc(limit=-3)
    return reported


def count(world, folder):
    """Return how many points each operation has of each kind."""
    counted = {}
    for operation in OPERATIONS:
        place = folder / f"count-{operation}"
        prefix = world.start(operation, place)
        ended, counts = run_victim(world, operation, place, prefix.root)
        assert ended.returncode == 0, ended
        counted.update({(operation, kind): number for kind, number in counts.items()})
    return counted


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", type=int, default=25)
    parser.add_argument("--part", default="0/1", help="which of how many shares of the points to take")
    parser.add_argument("--kind", help="only points of this kind, such as program or move")
    parser.add_argument("--break", action="store_true", dest="broken", help="with the commit taken out of its order")
    options = parser.parse_args()
    folder = options.folder
    world = worlds.make(folder / "world")
    counted = count(world, folder)
    named = {key: number for key, number in counted.items() if options.kind in (None, key[1])}
    part, parts = map(int, options.part.split("/"))
    broken = 0
    for number, point in enumerate(sample(named, options.points)):
        if number % parts == part:
            result = hit(world, point, number, folder / "point", options.broken)
            broken += bool(result["broke"])
            sys.stdout.write(json.dumps({**result, "of": sum(counted.values())}) + "\n")
            sys.stdout.flush()
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
