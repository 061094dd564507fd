"""Years in a row, by seeds: ``python -m tests.reliability.years.lives disk --seeds 20 --operations 500``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import statistics
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from hypothesis.internal.conjecture import engine

from shared.terminal.console import show
from tests.reliability import matrix
from tests.reliability.years.disk import Disk
from tests.reliability.years.machine import live
from tests.reliability.years.memory import Memory
from tests.reliability.years.versions import Versions

LIFE = 4  # parts of a life, of which the first and the last are compared


def life(number, kind, operations, shrinking, folder):
    """Live by one seed; return what came of it."""
    engine.MAX_SHRINKING_SECONDS = shrinking
    began, broke, reported = time.monotonic(), "", []
    place = folder / f"seed{number}"
    versions = Versions(place / "versions") if kind == "disk" else None
    try:
        reported = live(lambda: Disk(place / "host", versions) if versions else Memory(), number, operations)
    except Exception as error:  # noqa: BLE001 - whatever breaks is the result
        broke = "\n".join([f"seed {number}: {error}", *getattr(error, "__notes__", [traceback.format_exc(limit=-3)])])
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return {
        "kind": kind,
        "seed": number,
        "operations": operations,
        "done": len(reported),
        "broke": broke,
        "files": max((one.files for one in reported), default=0),
        "bytes": max((one.bytes for one in reported), default=0),
        "slower": slower(reported),
        "faults": sum(bool(one.fault) for one in reported),
        "seconds": time.monotonic() - began,
    }


def slower(told):
    """Return how much longer commands take in the last part of a life than in the first; the median of their kinds."""
    part = len(told) // LIFE
    ratios = []
    for what in ("newer", "rollback", "recover", "backup", "validate", "look"):
        times = [
            [one.seconds for one in some if one.what == what and not one.fault and not one.code]
            for some in (told[:part], told[-part:])
        ]
        if all(times):
            ratios.append(statistics.median(times[1]) / statistics.median(times[0]))
    return statistics.median(ratios) if ratios else None


def read_log(path):
    """Return what was done before, but for what broke."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path and path.is_file() else []
    return [row for row in rows if not row["broke"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("disk", "memory"))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--operations", type=int, default=500)
    parser.add_argument("--shrinking", type=int, default=1800, help="seconds for making what broke shorter")
    parser.add_argument("--log", type=Path, help="a line of JSON for each seed, which is not done again")
    options = parser.parse_args()
    wanted = range(options.first, options.first + options.seeds)
    rows = [
        row
        for row in read_log(options.log)
        if (row["kind"], row["operations"]) == (options.kind, options.operations) and row["seed"] in wanted
    ]
    todo = sorted(set(wanted) - {row["seed"] for row in rows})
    show(f"{len(rows)} seeds done before, {len(todo)} to do")
    with matrix.scratch() as folder:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(matrix.WORKERS, mp_context=context) as pool:
            futures = [
                pool.submit(life, number, options.kind, options.operations, options.shrinking, folder)
                for number in todo
            ]
            for future in as_completed(futures):
                rows.append(future.result())
                note(rows[-1], options.log)
    return report(rows)


def note(row, path):
    reported = row["broke"] or f"seed {row['seed']}: {row['done']} operations, {row['seconds']:.0f} s"
    for line in reported.splitlines():
        show(line)
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def report(rows):
    """Show what all came to; return the exit code."""
    broken = [row["seed"] for row in rows if row["broke"]]
    done, faults = sum(row["done"] for row in rows), sum(row["faults"] for row in rows)
    show(f"{len(rows)} seeds, {done} operations, {faults} of them with a fault, broken: {broken or 'none'}")
    ratios = [row["slower"] for row in rows if row["slower"]]
    if ratios:
        files, size = max(row["files"] for row in rows), max(row["bytes"] for row in rows)
        longer = statistics.median(ratios)
        show(f"at most {files} files of {size / 1e6:.1f} MB; at the end a command takes {longer:.2f} times as long")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
