from __future__ import annotations

import json

import pytest

from shared.errors import TrustError
from tests.validator.checking import snapshot
from validator import report as reports
from validator.check import CATEGORIES, ERROR, FAIL, PACKAGES, PASS, SECURITY, SKIP, SYSTEM, WARN, CheckResult
from validator.report import CRITICAL, EXCELLENT, GOOD, WARNING, make_report, overall, parse_report, recommend, to_bytes
from validator.subject import Subject, subject_of

KEYS = {"timestamp", "system_info", "validation_results", "overall_status", "recommendations"}


def result(status: str, category: str = SYSTEM, **more) -> CheckResult:
    return CheckResult("system.example", category, "Example", status, "seen", **more)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], CRITICAL),
        ([result(SKIP)], CRITICAL),
        ([result(PASS), result(SKIP)], EXCELLENT),
        ([result(PASS), result(WARN, SECURITY)], GOOD),
        ([result(WARN), result(FAIL)], WARNING),
        ([result(ERROR)], WARNING),
        *[
            ([result(PASS), result(bad, category)], CRITICAL)
            for bad in (FAIL, ERROR)
            for category in (SECURITY, PACKAGES)
        ],
        *[([result(FAIL, category)], WARNING) for category in CATEGORIES if category not in (SECURITY, PACKAGES)],
    ],
)
def test_overall(results, status) -> None:
    assert overall(results) == status


def test_recommendations_come_once_the_urgent_first_with_their_command() -> None:
    found = recommend(
        [
            result(WARN, suggestion="Later."),
            result(FAIL, suggestion="Now.", command="do it"),
            result(FAIL, suggestion="Now.", command="do it"),
            result(PASS, suggestion="Never."),
            result(FAIL),
        ]
    )
    assert found == ("Now. do it", "Later.")


def test_a_report_has_the_fixed_keys_and_comes_back_as_it_was(prefix) -> None:
    stored = result(
        FAIL,
        suggestion="Repair it.",
        command="python3 x",
        performance_metric={"speed": {"value": 1.5, "unit": "s"}},
        evidence={"packages": ["a"], "deep": [["x", 1, None, True]]},
        seconds=0.25,
    )
    report = make_report(subject_of(prefix), [stored, result(PASS)])
    data = to_bytes(report)
    value = json.loads(data)
    assert set(value) >= KEYS
    assert set(value["system_info"]) >= {"platform", "python_version", "memory_gb", "cpu_count"}
    assert set(value["validation_results"][0]) >= {
        *("category", "check_name", "status", "details", "suggestion", "performance_metric"),
    }
    assert (value["product"], value["version"], value["release"]) == ("demo-app", "1.0.0", prefix.active().id)
    assert value["title"] == "Demo-App"
    assert parse_report(data) == report


def test_problems_come_with_the_urgent_first() -> None:
    report = make_report(Subject(), [result(WARN), result(PASS), result(ERROR), result(FAIL)])
    assert [problem.status for problem in report.problems] == [FAIL, ERROR, WARN]


def minimal() -> dict:
    return {
        "timestamp": "2026-01-31T12:00:00Z",
        "system_info": {"platform": "Linux"},
        "validation_results": [
            {
                "category": "Packages",
                "check_name": "Installed files",
                "status": "FAIL",
                "details": "missing",
                "suggestion": "",
                "performance_metric": None,
            }
        ],
        "overall_status": "CRITICAL",
        "recommendations": [],
    }


def test_the_fixed_keys_are_enough() -> None:
    report = parse_report(json.dumps(minimal()).encode())
    assert report.results[0].id == ""
    assert report.results[0].evidence == {}
    assert report.prefix is None


def edited(**changes) -> bytes:
    return json.dumps({**minimal(), **changes}).encode()


def edited_result(**changes) -> bytes:
    return edited(validation_results=[{**minimal()["validation_results"][0], **changes}])


def nested(depth: int) -> list:
    value: list = []
    for _level in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "diagnosis.json: not JSON"),
        (b"[]", "diagnosis.json: not an object"),
        (b"\xff", "diagnosis.json: not JSON"),
        (b'{"timestamp": 1, "timestamp": 2}', "duplicate key"),
        (b"[" * 100_000, "diagnosis.json: not JSON"),
        (edited(format=2), "diagnosis.json.format"),
        (edited(surprise=1), "diagnosis.json.surprise: unknown key"),
        (edited(overall_status="FINE"), "diagnosis.json.overall_status"),
        (edited(validation_results=[]), "diagnosis.json.validation_results: empty"),
        (edited(validation_results=[1]), "diagnosis.json.validation_results[0]"),
        (edited(system_info={"a": nested(10)}), "system_info.a[0]"),
        (edited(system_info={"a": "\x1b[2J"}), "system_info.a: contains a control character"),
        (edited(recommendations="x"), "diagnosis.json.recommendations"),
        (edited(prefix=7), "diagnosis.json.prefix"),
        (edited_result(status="OK"), "validation_results[0].status"),
        (edited_result(category="Weather"), "validation_results[0].category"),
        (edited_result(details="x" * 5000), "validation_results[0].details"),
        (edited_result(evidence=[]), "validation_results[0].evidence"),
        (edited_result(evidence={"a": ["\n"]}), "validation_results[0].evidence.a[0]"),
        (edited_result(performance_metric={"x": {"value": "1", "unit": "s"}}), "performance_metric.x.value"),
        (edited_result(performance_metric={"x": {"value": 1}}), "performance_metric.x.unit"),
        (edited_result(seconds=float("inf")), "Infinity is not a number"),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(data, place) -> None:
    with pytest.raises(TrustError) as caught:
        parse_report(data, "diagnosis.json")
    assert place in caught.value.what


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_fixed_key_that_is_missing_is_refused(key) -> None:
    value = minimal()
    del value[key]
    with pytest.raises(TrustError, match=key):
        parse_report(json.dumps(value).encode())


def test_a_report_over_the_limit_is_refused() -> None:
    with pytest.raises(TrustError, match="larger than"):
        parse_report(b" " * (reports.LIMIT + 1))


def test_the_largest_report_that_checks_write_can_be_read() -> None:
    paths = ["p" * 200] * 10_000
    stored = result(FAIL, PACKAGES, evidence={"missing": paths, "altered": paths, "unrecorded": paths})
    assert parse_report(to_bytes(make_report(Subject(), [stored]))).results == (stored,)


def test_making_a_report_touches_nothing(prefix) -> None:
    before = snapshot(prefix.root)
    make_report(subject_of(prefix), [result(PASS)])
    assert snapshot(prefix.root) == before
