from __future__ import annotations

from dataclasses import replace

import pytest

from installer.logs.identity import Identity
from tests.validator.render.test_text import report
from validator.check import ERROR, FAIL, PASS, SKIP, SYSTEM, WARN, CheckResult
from validator.compare import BETTER, GONE, NEW, OTHER, WORSE, compare


def result(status: str, identifier: str = "system.x", **more) -> CheckResult:
    return CheckResult(identifier, SYSTEM, "X", status, "seen", **more)


def compared(before, after):
    return compare(report(tuple(before)), report(tuple(after)))


def test_the_same_report_has_no_changes() -> None:
    found = compare(report(), report())
    assert (found.changes, found.moved, found.facts) == ((), (), {})


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (PASS, FAIL, WORSE),
        (WARN, ERROR, WORSE),
        (FAIL, WARN, BETTER),
        (ERROR, PASS, BETTER),
        (ERROR, FAIL, OTHER),
        (PASS, SKIP, OTHER),
        (SKIP, FAIL, OTHER),
    ],
)
def test_a_status_that_turned(before, after, kind) -> None:
    assert [change.kind for change in compared([result(before)], [result(after)]).changes] == [kind]


def test_the_same_trouble_about_something_else_is_told() -> None:
    other = replace(result(FAIL), details="another file")
    assert [change.kind for change in compared([result(FAIL)], [other]).changes] == [OTHER]
    assert compared([result(PASS)], [replace(other, status=PASS)]).changes == ()


def test_checks_that_came_and_went_after_what_got_worse() -> None:
    found = compared([result(PASS), result(PASS, "system.gone")], [result(FAIL), result(PASS, "system.new")])
    assert [(change.kind, change.result.id) for change in found.changes] == [
        (WORSE, "system.x"),
        (NEW, "system.new"),
        (GONE, "system.gone"),
    ]


def test_results_of_one_check_are_told_apart_by_what_they_are_about_in_any_language() -> None:
    one, two = result(PASS, evidence={"module": "a"}), result(PASS, evidence={"module": "b"})
    found = compared([one, two], [replace(two, check_name="나"), replace(one, check_name="가", status=FAIL)])
    assert [(change.kind, change.result.evidence["module"]) for change in found.changes] == [(WORSE, "a")]


def test_figures_that_moved_far_are_told() -> None:
    def measured(fast: float, slow: float) -> CheckResult:
        return result(PASS, performance_metric={"a": {"value": fast, "unit": "s"}, "b": {"value": slow, "unit": "s"}})

    found = compared([measured(1.0, 1.0)], [measured(1.1, 1.3)])
    assert [(item.metric, item.before, item.after) for item in found.moved] == [("b", 1.0, 1.3)]


def test_another_release_or_host_is_told() -> None:
    found = compare(report(), replace(report(), release="2-0123456789ab-r1", system_info={"cpu_count": 4}))
    assert found.facts == {"release": ("1-0123456789ab-r1", "2-0123456789ab-r1"), "cpu_count": (None, 4)}


def test_figures_are_told_in_the_order_of_the_report() -> None:
    names = [f"module_{number}" for number in range(20)]

    def measured(value: float) -> CheckResult:
        return result(PASS, performance_metric={name: {"value": value, "unit": "s"} for name in names})

    assert [item.metric for item in compared([measured(1.0)], [measured(2.0)]).moved] == names


def test_checks_that_the_later_validation_did_not_run_are_not_compared_but_named() -> None:
    before = report((result(PASS), result(FAIL, "packages.record")))
    partial = replace(report((result(PASS),)), not_run={"packages.record": "Installed files"})
    found = compare(before, partial)
    assert (found.changes, found.uncovered) == ((), ("packages.record",))
    assert found.verdicts == (before.overall_status, f"{partial.overall_status} of 1 of 2 checks; files not compared")
    assert compare(partial, before).uncovered == ()


def test_a_verdict_that_leaves_out_other_checks_says_how_many() -> None:
    partial = replace(report((result(PASS),)), not_run={"security.pickles": "Pickles"})
    assert partial.verdict == f"{partial.overall_status} of 1 of 2 checks"


def test_reports_of_two_hosts_name_what_tells_them_apart() -> None:
    one = replace(report(), identity=Identity("plc-1", "0" * 16, "1" * 16, None))
    two = replace(one, identity=Identity("plc-1", "0" * 16, "2" * 16, "HMI-7"))
    assert compare(one, two).facts == {"installation": ("1" * 16, "2" * 16), "asset": (None, "HMI-7")}
    assert compare(report(), two).facts == {}
