"""Draws conditions of hosts and a command at random, two conditions at once, by a seed that gives the same again."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from tests.hosts.conditions.bench import COMMANDS, Unmade
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
        first, _colon, end = named.partition(":")
        return range(int(first), int(end or int(first) + 1))
    return ALL if os.environ.get("RAGTRACE_TEST_HOSTS") == "all" else SAMPLE


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
