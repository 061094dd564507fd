"""Every condition of the table, and pairs of them at random: what each ends with, and that nothing is lost.

`make test` tries one row of each kind that installs and one that is refused, and 40 pairs; `make hosts` tries all, and
1,000 pairs, or those of RAGTRACE_TEST_SEEDS (200:400).
"""

from __future__ import annotations

import os
import random
from contextlib import ExitStack
from typing import Any

import pytest

from tests.hosts import needs
from tests.hosts.conditions import fuzz
from tests.hosts.conditions.bench import bench
from tests.hosts.conditions.row import INSTALL
from tests.hosts.conditions.table import KINDS, ROWS
from tools import hosts

CLOSED = [pytest.mark.index, pytest.mark.host]


@pytest.fixture(scope="module")
def place(zipapp, tmp_path_factory):
    """Give the host on which all are tried; each has its own view of what it changes."""
    with ExitStack() as stack:
        with needs.or_skip():
            needs.root_on_linux()
            found = stack.enter_context(bench(zipapp, tmp_path_factory.mktemp("bench")))
        yield found


def chosen():
    """Return pairs of row and command: all, or the sample."""
    pairs = [(row, command) for row in ROWS for command in row.ends]
    if os.environ.get("RAGTRACE_TEST_HOSTS") == "all":
        return pairs
    sample: dict[Any, Any] = {}
    for row, command in pairs:
        if not row.alone:
            sample.setdefault((row.kind, row.ends[command].code == 0), (row, command))
    return list(sample.values())


def named(pairs):
    return [f"{row.id}-{command}" for row, command in pairs]


@pytest.mark.parametrize(
    ("row", "command"), [pytest.param(*pair, marks=CLOSED) for pair in chosen()], ids=named(chosen())
)
def test_a_command_ends_as_the_table_says(place, row, command):
    with needs.or_skip():
        seen = place.see(row, command)
    wanted = row.ends[command]
    assert (seen.code, wanted.words in seen.err + seen.out) == (wanted.code, True), seen.err
    assert not seen.faults()
    if command == INSTALL and wanted.code == 0:
        assert seen.after["active"] not in (None, seen.before["active"]), seen.err
        assert seen.works == 0 or not row.works, seen.described


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=CLOSED) for seed in fuzz.seeds()])
def test_two_conditions_at_once_lose_nothing(place, seed):
    with needs.or_skip():
        seen = fuzz.see(place, seed)
    assert not seen.faults(), f"seed {seed}: {seen.command} under {seen.row.id}: {seen.faults()}\n{seen.err}"


def test_the_table_is_long_enough_and_its_rows_can_be_told_apart():
    assert len(ROWS) >= 100
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert len(KINDS) >= 13
    for row in ROWS:
        assert row.ends, row.id
        assert row.english.isascii()
        assert all(ends.code == 0 or ends.words or row.kind == "terminal" for ends in row.ends.values()), row.id


def test_the_page_is_what_the_table_says():
    assert hosts.PAGE.read_text(encoding="utf-8") == hosts.page(), "run python -m tools.hosts"


def test_the_same_seed_draws_the_same():
    drawn = [fuzz.draw(random.Random(seed)) for seed in (*range(50), *range(50))]
    assert [(row.id, command) for row, command in drawn[:50]] == [(row.id, command) for row, command in drawn[50:]]
    assert len({row.id for row, _command in drawn}) > 40


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_rows_for_pairs(kind):
    assert [row for row in ROWS if row.kind == kind and not row.alone]
