"""Draws conditions of hosts and a command at random, two conditions at once, by a seed that gives the same again.

``python -m tests.hosts.conditions.fuzz --zipapp FILE --seeds 200:400`` tries some, and shows what is wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from shared.terminal.console import show, show_lines
from tests.hosts import needs
from tests.hosts.conditions.bench import COMMANDS, Unmade, bench
from tests.hosts.conditions.row import pair
from tests.hosts.conditions.table import ROWS

if TYPE_CHECKING:
    from tests.hosts.conditions.bench import Bench, Seen
    from tests.hosts.conditions.row import Row

SAMPLE, ALL = range(40), range(1000)
DRAWS = 20  # of a seed, until two conditions can be had at once


def seeds() -> range:
    """Return the seeds to try: RAGTRACE_TEST_SEEDS (200:400), else all or the sample."""
    named = os.environ.get("RAGTRACE_TEST_SEEDS")
    if named:
        return parse(named)
    return ALL if os.environ.get("RAGTRACE_TEST_HOSTS") == "all" else SAMPLE


def parse(text: str) -> range:
    first, _colon, end = text.partition(":")
    return range(int(first), int(end or int(first) + 1))


def draw(chance: random.Random) -> tuple[Row, str]:
    """Return two conditions at once, and a command."""
    possible = [row for row in ROWS if not row.alone]
    while True:
        both = pair(*chance.sample(possible, 2))
        if both is not None:
            return both, chance.choice(list(COMMANDS))


def see(place: Bench, seed: int) -> Seen:
    """Try what a seed stands for; where its conditions cannot be had at once, what it draws next."""
    chance = random.Random(seed)
    for _draw in range(DRAWS):
        row, command = draw(chance)
        try:
            return place.see(row, command)
        except Unmade:
            continue
    raise AssertionError(f"seed {seed} draws nothing that can be had")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zipapp", type=Path, required=True)
    parser.add_argument("--seeds", type=parse, default=ALL)
    options = parser.parse_args()
    began, wrong, tried = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder, bench(options.zipapp, Path(folder)) as place:
        for seed in options.seeds:
            try:
                seen = see(place, seed)
            except needs.Unavailable as lack:
                show(f"{seed}: {lack}")
                continue
            tried += 1
            faults = seen.faults()
            wrong += bool(faults)
            show(f"{seed}: {seen.command} under {seen.row.id}: {seen.code} {faults or ''}")
            if faults:
                show_lines(f"{seen.err[-900:]}\n{seen.described[-300:]}")
    show(f"{tried} tried, {wrong} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
