"""Hurts operations at many points, two at a time: ``python -m tests.reliability.matrix --help``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.files import files
from shared.terminal.console import show, show_lines
from tests.reliability import invariants, points, power, victim
from tests.reliability import world as worlds

WORKERS = 2
ERRORS = ("ENOSPC", "EIO", "EROFS", "EACCES")
KILL = "signal=KILL"
POWER = "signal=KILL, power cut"
SENTENCE = re.compile(r"error: [^\n]+\n  next: [^\n]+\n\Z")


@dataclass(frozen=True)
class Case:
    """One point and what is done there: a kill (and the power cut), or an error once or (+) from there on."""

    point: points.Point
    what: str
    number: int


@dataclass(frozen=True)
class Result:
    """How a case ended: whether it was hit, the exit code, and what broke ("" for nothing)."""

    case: Case
    hit: bool
    code: int
    broke: str

    def row(self):
        return {
            **asdict(self.case.point),
            "what": self.case.what,
            "hit": self.hit,
            "code": self.code,
            "broke": self.broke,
        }


@contextmanager
def scratch():
    """Give a folder in memory where there is one: what is tested here does not depend on a disk."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="ragtrace-reliability-", dir=place))
    os.environ.setdefault("XDG_STATE_HOME", str(folder / "state"))  # logs that belong to no prefix
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hit(case, world, place, disk=None):
    """Hurt an operation at a point and check what is left."""
    try:
        return _hit(case, world, place, disk)
    except Exception:  # noqa: BLE001 - whatever breaks is the result
        return Result(case, True, -1, traceback.format_exc(limit=-2))


def _hit(case, world, place, disk):
    point = case.point
    prefix = world.start(point.operation, place)
    before = invariants.Before.of(point.operation, prefix, world)
    trust = points.trust_of(place)
    victim.own_places(Path(trust))
    if disk:
        files.sync_filesystem(place)
    command = point.command(case.what.partition(",")[0].rstrip("+"))
    if case.what.endswith("+"):
        command = [f"{part}+" if part.startswith("--inject") else part for part in command]
    spec = {"trust": trust, "programs": {str(point.program): command}}
    ended = worlds.hurt(world.argv(point.operation, prefix.root), spec, command if point.program == 0 else ())
    if disk:
        disk.cut_power()
    if case.what in (KILL, POWER):
        was_hit = ended.returncode == -signal.SIGKILL
    else:
        was_hit = True
        check_told(ended, prefix, before)
    try:
        if prefix.root.exists():
            invariants.check_whole(prefix, before)
        invariants.check_after(prefix, before, case.number, world)
    except AssertionError as error:
        said = f"{traceback.format_exc(limit=-3)}\nafter: {ended.returncode} {ended.stderr[-600:]}"
        return Result(case, was_hit, ended.returncode, said or str(error))
    return Result(case, was_hit, ended.returncode, "")


def check_told(ended, prefix, before):
    """Raise unless an operation that failed says so in one sentence, with the right exit code."""
    assert "Traceback" not in ended.stdout + ended.stderr, ended.stderr
    if ended.returncode == 0:
        return
    assert ended.returncode in (4, 5), ended
    assert SENTENCE.search(ended.stderr), ended.stderr
    active = prefix.active() if prefix.root.exists() else None
    now = active.id if active else None
    if ended.returncode == 4:
        assert now == before.active, ended.stderr
    elif before.operation == worlds.RESTORE:
        assert now == before.active
        assert "The next command finishes the interrupted change" in ended.stderr, ended.stderr
    elif now is None:
        assert "No release is active." in ended.stderr, ended.stderr
    elif now == before.active:
        assert f"The active release is still {now}." in ended.stderr or before.operation == worlds.UNINSTALL, (
            ended.stderr
        )
    else:
        assert f"The active release is now {now}." in ended.stderr, ended.stderr


_place = _disk = None


def _begin(folder, disks):
    global _place, _disk  # noqa: PLW0603 - each worker process has its own
    _disk = disks.get() if disks else None
    _place = (_disk.place if _disk else Path(tempfile.mkdtemp(prefix="worker-", dir=folder))) / "place"


def _work(case, world):
    return hit(case, world, _place, _disk)


def run(cases, world, folder, report=lambda _result: None, disks=()):
    """Run cases side by side and return their results; with disks (one for each worker) the power is cut on them."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue() if disks else None
    for disk in disks:
        queue.put(disk)
    with ProcessPoolExecutor(WORKERS, mp_context=context, initializer=_begin, initargs=(str(folder), queue)) as pool:
        futures = [pool.submit(_work, case, world) for case in cases]
        results = []
        for future in futures:
            results.append(future.result())
            report(results[-1])
    return results


def all_points(world, folder, operations=worlds.OPERATIONS):
    """Return the points of operations, in the order in which they come."""
    return [point for operation in operations for point in points.count(world, operation, folder / "count")]


def kills(found, most):
    """Return cases that kill."""
    return [Case(point, KILL, number) for number, point in enumerate(points.sample(found, most))]


def cuts(found, most):
    """Return cases that kill and cut the power."""
    return [Case(point, POWER, number) for number, point in enumerate(points.sample(found, most))]


def failures(found, most):
    """Return cases in which calls fail, each error in turn, once and from then on in turn."""

    def lasting(point, number):
        # a program that can't write at all can't say so either
        return "+" if number // len(ERRORS) % 2 and point.kind != "write" else ""

    chosen = enumerate(points.sample(found, most))
    return [Case(point, f"error={ERRORS[n % len(ERRORS)]}{lasting(point, n)}", n) for n, point in chosen]


def table(results):
    """Return how many of each operation and kind were done, hit and broke."""
    rows: Counter[Any] = Counter()
    for result in results:
        key = result.case.point.operation, result.case.point.kind
        rows[(*key, "points")] += 1
        rows[(*key, "hit")] += result.hit
        rows[(*key, "broke")] += bool(result.broke)
    lines = [f"{'operation':<10} {'kind':<9} {'points':>6} {'hit':>5} {'broke':>5}"]
    for operation, kind in sorted({key[:2] for key in rows}):
        counts = [rows[operation, kind, name] for name in ("points", "hit", "broke")]
        lines.append(f"{operation:<10} {kind:<9} {counts[0]:>6} {counts[1]:>5} {counts[2]:>5}")
    total = len(results), sum(result.hit for result in results), sum(bool(result.broke) for result in results)
    return "\n".join([*lines, f"{'all':<20} {total[0]:>6} {total[1]:>5} {total[2]:>5}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=("kill", "power", "fail"))
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--operation", action="append", choices=worlds.OPERATIONS)
    parser.add_argument(
        "--log", type=Path, help="a line of JSON for each point; those that are in it are not done again"
    )
    options = parser.parse_args()
    began = time.monotonic()
    with scratch() as folder:
        world = worlds.make(folder / "world")
        found = all_points(world, folder, options.operation or worlds.OPERATIONS)
        cases = {"kill": kills, "power": cuts, "fail": failures}[options.fault](found, options.points)
        done = read_log(options.log)
        show(f"{len(found)} points, {len(cases)} chosen, {len(done)} done before")
        todo = [case for case in cases if json.dumps([asdict(case.point), case.what]) not in done]
        with ExitStack() as stack:
            disks = [
                stack.enter_context(power.disk(folder, n)) for n in range(WORKERS if options.fault == "power" else 0)
            ]
            results = run(todo, world, folder, lambda result: note(result, options.log), disks)
    show_lines(table(results))
    broken = [result for result in results if result.broke]
    show(f"{len(broken)} broken states in {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


def read_log(path):
    if path is None or not path.is_file():
        return set()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    names = ("operation", "program", "call", "nth")
    return {json.dumps([{name: row[name] for name in names}, row["what"]]) for row in rows if not row["broke"]}


def note(result, path):
    if result.broke:
        show(json.dumps(result.row(), indent=1))
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(result.row()) + "\n")


if __name__ == "__main__":
    sys.exit(main())
