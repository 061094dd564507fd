"""Whatever snapshots follow one another, none makes a PASS of what an earlier one did not let pass."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from bundle.advisories.assess import Criteria, assess
from bundle.advisories.exceptions import Exceptions, Exemption
from bundle.advisories.index import Advisory, Gone, parse_index, write_index
from bundle.advisories.matcher import Installed, scan
from bundle.advisories.retained.entries import NONE, Entry, Retained, learnt, read_retained
from bundle.advisories.severity import PASS, TABLES
from bundle.advisories.signals import exploits
from bundle.advisories.versions import Interval
from shared.errors import TrustError

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
IDS = ("A", "B", "C", "D")
VERSIONS = ("0.5", "1.5", "2.5")
SOME = st.sampled_from([(0, 1), (1, 2), (2, 3), (0, 3)])


@st.composite
def advisories(draw: Any) -> Advisory:
    ranges = [
        Interval(Version(str(low)), True, Version(str(high)), False) for low, high in draw(st.lists(SOME, max_size=2))
    ]
    possible = draw(st.lists(SOME, max_size=1))
    return Advisory(
        draw(st.sampled_from(IDS)),
        tuple(sorted(draw(st.sets(st.sampled_from(IDS), max_size=2)))),
        draw(st.sampled_from(["none", "low", "unknown", "high"])),
        affected=tuple(ranges),
        possible=tuple(Interval(Version(str(low)), True, Version(str(high)), False) for low, high in possible),
        versions=tuple(draw(st.lists(st.sampled_from(VERSIONS), max_size=1))),
        undecided=draw(st.sampled_from(["", "", "odd"])),
    )


def snapshot(sequence: int, found: list[Advisory]) -> Any:
    """Return what the functions under test use of a snapshot."""
    moment = NOW - timedelta(days=1)
    return SimpleNamespace(
        index=parse_index(write_index({"other": [Advisory("O-1")], **({"demo": found} if found else {})}), "index"),
        header=SimpleNamespace(sequence=sequence, known_until=moment, made=moment, set_aside=()),
        withdrawn=frozenset({"A"}),
        exploits=exploits.NONE,
    )


def verdict(current: Any, retained: Retained, version: str, exceptions: Exceptions, table: str) -> str:
    installed = [Installed("demo", version)]
    criteria = Criteria(current, exceptions, table, tuple(retained.judge(installed)))
    return assess(scan(current.index, installed), criteria, NOW).status


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.lists(advisories(), max_size=3), min_size=2, max_size=4),
    st.sets(st.sampled_from(IDS), max_size=2),
    st.sampled_from(sorted(TABLES)),
)
def test_nothing_becomes_a_pass(snapshots, excepted, table) -> None:
    exceptions = Exceptions(
        1,
        tuple(
            Exemption(one, "demo", ">=0", "component_not_present", "x", "kim", NOW, NOW + timedelta(days=9))
            for one in sorted(excepted)
        ),
    )
    first, *others = (snapshot(number + 1, found) for number, found in enumerate(snapshots))
    retained = NONE
    first_verdicts = {version: verdict(first, retained, version, exceptions, table) for version in VERSIONS}
    current = first
    for later in others:
        retained = read_retained(learnt(retained, current, later).to_bytes())
        current = later
        for version in VERSIONS:
            found = verdict(current, retained, version, exceptions, table)
            assert found != PASS or first_verdicts[version] == PASS


def test_what_covers_another_entry_is_enough() -> None:
    wide = Advisory("A", affected=(Interval(Version("1"), True, Version("3"), False),))
    narrow = Advisory("A", affected=(Interval(Version("1"), True, Version("2"), False),))
    empty = snapshot(9, [])
    found = learnt(learnt(NONE, snapshot(1, [narrow]), empty), snapshot(2, [wide]), empty)
    assert found.entries == (Entry("demo", wide, Gone("withdrawn", 2, 9)),)


@pytest.mark.parametrize(
    "broken", [b"", b"{}", b'{"format": 2}', NONE.to_bytes().replace(b"1", b"2"), NONE.to_bytes() + b" "]
)
def test_a_list_is_read_strictly(broken) -> None:
    assert read_retained(NONE.to_bytes()) == NONE
    with pytest.raises(TrustError, match=r"retained\.json"):
        read_retained(broken)
