from __future__ import annotations

from validator.checks.performance.import_costs import blamed, costs, parse

TREE = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 | time
import time:        10 |         10 |       heavy.part
import time:        90 |        100 |     heavy
import time:         5 |        105 |   ours.adapter
a line of the program
import time:         1 |          1 |     heavy.more
import time:        20 |         21 |   light
import time:         2 |        128 | ours
"""


def test_reading_the_interpreters_lines() -> None:
    tree = parse(TREE)
    assert [(name, depth) for name, _own, _whole, depth in tree][:3] == [("time", 0), ("heavy.part", 3), ("heavy", 2)]
    assert tree[-1] == ("ours", 2, 128, 0)


def test_a_package_costs_what_is_below_it_once() -> None:
    found = {cost.package: cost for cost in costs(parse(TREE))}
    assert (found["heavy"].seconds, found["heavy"].modules) == (101e-6, 3)
    assert found["heavy"].chain == ("ours", "ours.adapter")
    assert found["ours"].seconds == 128e-6
    assert found["light"].chain == ("ours",)


def test_the_application_answers_for_what_it_imports_itself() -> None:
    found = costs(parse(TREE))
    assert [cost.package for cost in blamed(found, {"ours"})] == ["heavy", "time", "light"]
