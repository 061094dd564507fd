from __future__ import annotations

import pytest

from bundle.advisories.severity import DEFAULT, FAIL, GATES, LEVELS, PASS, STRICT, TABLES, level_of, worst


@pytest.mark.parametrize(
    ("score", "level"),
    [
        *((None, "unknown"), (0.0, "none"), (0.1, "low"), (3.9, "low"), (4.0, "medium"), (6.9, "medium")),
        *((7.0, "high"), (8.9, "high"), (9.0, "critical"), (10.0, "critical")),
    ],
)
def test_levels(score, level):
    assert level_of(score) == level


def test_tables():
    for name in (DEFAULT, STRICT):
        assert set(TABLES[name]) == set(LEVELS)
        assert TABLES[name]["unknown"] != PASS
        assert TABLES[name]["critical"] == TABLES[name]["high"] == FAIL
    order = ("PASS", "WARN", "FAIL")
    assert all(order.index(TABLES[STRICT][level]) >= order.index(TABLES[DEFAULT][level]) for level in LEVELS)


def test_gates_grow():
    sets = list(GATES.values())
    assert all(lower < upper for lower, upper in zip(sets, sets[1:], strict=False))
    assert "unknown" in GATES["any"] - GATES["low"]


def test_worst():
    assert worst([]) == "PASS"
    assert worst(["WARN", "FAIL", "PASS"]) == "FAIL"
