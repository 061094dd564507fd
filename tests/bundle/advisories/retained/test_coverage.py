from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from bundle.advisories.index import Advisory
from bundle.advisories.matcher import AFFECTED, CLEAR, POSSIBLE, UNDECIDED, judge
from bundle.advisories.retained.coverage import covers, lessened
from bundle.advisories.versions import Interval

POOL = ("0.9", "1.0.dev1", "1.0", "1.0.post1", "1.5", "2.0a1", "2.0", "2.0.1", "3", "not-a-version")
STRICTNESS = {CLEAR: 0, UNDECIDED: 1, POSSIBLE: 2, AFFECTED: 3}
BOUNDS = ("1.0", "1.5", "2.0", "3")


@st.composite
def intervals(draw):
    low = draw(st.integers(0, 3))
    high = draw(st.integers(low, 4))
    top = None if high == 4 else Version(BOUNDS[high])
    return Interval(Version(BOUNDS[low]), draw(st.booleans()), top, top is not None and draw(st.booleans()))


ADVISORIES = st.builds(
    Advisory,
    id=st.just("A-1"),
    severity=st.sampled_from(["none", "unknown", "high"]),
    affected=st.lists(intervals(), max_size=3).map(tuple),
    possible=st.lists(intervals(), max_size=2).map(tuple),
    versions=st.lists(st.sampled_from(POOL), max_size=2).map(tuple),
    undecided=st.sampled_from(["", "odd"]),
)


@settings(max_examples=500, deadline=None)
@given(ADVISORIES, ADVISORIES)
def test_what_covers_judges_no_version_less_strictly(later, earlier) -> None:
    assert covers(earlier, earlier)
    if covers(later, earlier):
        for version in POOL:
            assert STRICTNESS[judge(later, version)] >= STRICTNESS[judge(earlier, version)] or (
                judge(earlier, version) == UNDECIDED and not earlier.undecided
            )
    else:
        assert list(lessened([earlier], [later]))


ONE = Advisory("A-1", ("CVE-1",), "high", affected=(Interval(Version("1"), True, Version("2"), False),))


def split(*parts: tuple[str, bool, str | None, bool]) -> tuple[Interval, ...]:
    return tuple(
        Interval(Version(low), closed, Version(high) if high else None, top) for low, closed, high, top in parts
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"summary": "new words", "fixed": ("2",), "score": 7.5}, None),
        ({"severity": "critical"}, None),
        ({"affected": split(("0", True, None, False))}, None),
        ({"affected": split(("1", True, "1.5", False), ("1.5", True, "2", False))}, None),
        ({"affected": split(("1.2", True, "2", True), ("0.5", False, "1.3", False))}, None),
        ({"aliases": ()}, None),
        ({"affected": split(("1", True, "1.5", False), ("1.5", False, "2", False))}, "narrowed"),
        ({"affected": split(("1", False, "2", False))}, "narrowed"),
        ({"affected": (), "undecided": "odd"}, "narrowed"),
        ({"affected": (), "possible": ONE.affected}, "narrowed"),
        ({"severity": "medium"}, "lowered"),
        ({"severity": "unknown"}, "lowered"),
        ({"aliases": ("CVE-1", "CVE-2")}, "changed"),
        ({"id": "A-2"}, "missing"),
    ],
)
def test_reasons(changes, reason) -> None:
    found = list(lessened([ONE], [replace(ONE, **changes)]))
    assert found == ([] if reason is None else [(ONE, reason)])


def test_listed_versions() -> None:
    listed = replace(ONE, affected=(), versions=("1.5", "2018-04-22b"))
    assert list(lessened([listed], [replace(listed, versions=("1.5.0", "2018-04-22b"))])) == []
    assert list(lessened([listed], [replace(listed, versions=("2018-04-22b",), affected=ONE.affected)])) == []
    for versions in (("1.5",), ("2018-04-22b",)):
        assert list(lessened([listed], [replace(listed, versions=versions)])) == [(listed, "narrowed")]


def test_others_of_the_group() -> None:
    """Whatever other advisories the later snapshot adds: their identifiers and scores change nothing unnoticed."""
    unscored = replace(ONE, severity="unknown")
    for own, severity, aliases in product((ONE, unscored), ("none", "high"), ((), ("CVE-1",), ("CVE-1", "CVE-2"))):
        other = replace(ONE, id="B-1", severity=severity, aliases=aliases)
        joined = "CVE-1" in aliases
        assert bool(list(lessened([own], [own, other]))) == joined
    twin = replace(ONE, id="CVE-1", aliases=(), severity="none")
    assert list(lessened([ONE], [ONE, twin])) == []
    assert list(lessened([unscored], [unscored, twin])) == [(unscored, "changed")]
