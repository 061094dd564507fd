from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bundle.advisories.assess import AGED, FRESH, FUTURE, OUT_OF_DATE, Criteria, age_of, assess, facts_of, ordered
from bundle.advisories.exceptions import NONE, Exceptions
from bundle.advisories.matcher import POSSIBLE, Doubt, Scan
from bundle.advisories.severity import DEFAULT, STRICT
from bundle.advisories.signals.exploits import Catalogue, Exploits, Scores
from bundle.advisories.snapshot import read_snapshot
from tests.advisories import NOW, dated, snapshot_bytes
from tests.bundle.advisories.test_exceptions import FINDING, ONE


@pytest.fixture
def snapshot(tmp_path):
    return read_snapshot(snapshot_bytes(tmp_path, dated(NOW)))


def scan(*findings, doubts=()):
    return Scan(tuple(findings), tuple(doubts), frozenset(), 10)


def level(severity, **more):
    return replace(FINDING, severity=severity, **more)


@pytest.mark.parametrize(
    ("severity", "default", "strict"),
    [
        *(("critical", "FAIL", "FAIL"), ("high", "FAIL", "FAIL"), ("medium", "WARN", "FAIL")),
        *(("low", "PASS", "WARN"), ("none", "PASS", "PASS"), ("unknown", "WARN", "FAIL")),
    ],
)
def test_tables(snapshot, severity, default, strict):
    for table, status in ((DEFAULT, default), (STRICT, strict)):
        assert assess(scan(level(severity)), Criteria(snapshot, NONE, table), NOW).status == status


def test_what_is_only_possible(snapshot):
    for severity in ("critical", "low"):
        possible = level(severity, certainty=POSSIBLE)
        assert assess(scan(possible), Criteria(snapshot, NONE, DEFAULT), NOW).status == "WARN"
    assert assess(scan(level("critical", certainty=POSSIBLE)), Criteria(snapshot, NONE, STRICT), NOW).status == "FAIL"


def test_nothing_found(snapshot):
    assert assess(scan(), Criteria(snapshot, NONE, DEFAULT), NOW).status == "PASS"
    doubtful = scan(doubts=[Doubt("lib", None, "", "why")])
    assert assess(doubtful, Criteria(snapshot, NONE, DEFAULT), NOW).status == "WARN"


@pytest.mark.parametrize(
    ("days", "age", "default", "strict"),
    [
        *((0, FRESH, "PASS", "PASS"), (30, FRESH, "PASS", "PASS"), (30.1, AGED, "WARN", "WARN")),
        *((90, AGED, "WARN", "WARN"), (90.1, OUT_OF_DATE, "WARN", "FAIL"), (-0.9, FRESH, "PASS", "PASS")),
        (-1.1, FUTURE, "WARN", "WARN"),
    ],
)
def test_age(snapshot, days, age, default, strict):
    now = NOW + timedelta(days=days)
    assert age_of(snapshot, now)[0] == age
    assert assess(scan(), Criteria(snapshot, NONE, DEFAULT), now).status == default
    assert assess(scan(), Criteria(snapshot, NONE, STRICT), now).status == strict


def test_age_is_that_of_the_knowledge(tmp_path):
    late = read_snapshot(snapshot_bytes(tmp_path, dated(NOW - timedelta(days=100))))
    assert late.header.made == NOW
    assert age_of(late, NOW) == (OUT_OF_DATE, 100)


def test_exceptions(snapshot):
    found = assess(scan(FINDING), Criteria(snapshot, Exceptions(1, (ONE,)), DEFAULT), NOW)
    assert found.status == "PASS"
    assert found.findings == ()
    assert found.excepted == ((FINDING, ONE),)
    assert found.to_json()["excepted"][0]["exception"]["approver"] == "kim"
    late = assess(scan(FINDING), Criteria(snapshot, Exceptions(1, (ONE,)), DEFAULT), ONE.expires + timedelta(days=1))
    assert late.findings == (FINDING,)
    assert late.findings_status == "FAIL"
    assert late.expired == ((FINDING, ONE),)
    other = assess(scan(replace(FINDING, version="2.5")), Criteria(snapshot, Exceptions(1, (ONE,)), DEFAULT), NOW)
    assert other.status == "FAIL"


def test_json(snapshot):
    found = assess(scan(FINDING, level("low")), Criteria(snapshot, NONE, DEFAULT), NOW).to_json()
    assert found["counts"] == {"high": 1, "low": 1}
    assert found["findings"][0]["link"].endswith("/TEST-1")
    assert facts_of(snapshot)["known_until"] == "2026-06-01T12:00:00Z"


@pytest.mark.parametrize("table", [DEFAULT, STRICT])
def test_malware_fails_by_every_table(snapshot, table):
    found = replace(FINDING, malware=True, severity="critical")
    for one in (found, replace(found, certainty=POSSIBLE), replace(found, fixed=()), replace(found, severity="low")):
        assert assess(scan(one), Criteria(snapshot, NONE, table, until_fixed=True), NOW).status == "FAIL"
    doubtful = scan(doubts=[Doubt("lib", "1", "MAL-1", "why", malware=True)])
    assert assess(doubtful, Criteria(snapshot, NONE, table), NOW).status == "FAIL"


def test_findings_that_nothing_fixes_are_waited_for(snapshot):
    found = assess(scan(level("critical", fixed=())), Criteria(snapshot, NONE, DEFAULT, until_fixed=True), NOW)
    assert (found.status, found.to_json()["unfixed_ignored"]) == ("WARN", ["TEST-1 lib 1.5"])
    assert assess(scan(level("critical")), Criteria(snapshot, NONE, DEFAULT, until_fixed=True), NOW).status == "FAIL"
    assert assess(scan(level("critical", fixed=())), Criteria(snapshot, NONE, DEFAULT), NOW).unfixed == ()


def test_the_most_urgent_is_first():
    catalogue = Catalogue("2026-05-30", {"CVE-2": "2026-05-01"})
    scores = Scores("2026-05-30", {"CVE-3": ("0.9", "0.9"), "CVE-4": ("0.1", "0.1")})
    findings = [
        level("critical", package="a", ids=("T-1",)),
        level("high", package="b", ids=("T-4", "CVE-4")),
        level("high", package="c", ids=("T-3", "CVE-3")),
        level("low", package="d", ids=("T-2", "CVE-2")),
        level("critical", package="e", ids=("T-5",), malware=True),
    ]
    found = ordered(findings, Exploits(catalogue, scores))
    assert [one.package for one in found] == ["e", "d", "a", "c", "b"]
    assert [(one.kev, one.epss) for one in found] == [
        *(("", None), ("2026-05-01", None), ("", None), ("", 0.9), ("", 0.1))
    ]


def test_findings_without_a_score_are_counted(snapshot):
    bare = level("unknown", score=None)
    malware = level("critical", score=None, malware=True)
    found = assess(scan(FINDING, bare, malware), Criteria(snapshot, NONE, DEFAULT), NOW)
    assert found.to_json()["unscored"] == 1


def test_exceptions_without_effect_are_named(snapshot):
    wide = replace(ONE, versions=">=0")
    found = assess(scan(FINDING), Criteria(snapshot, Exceptions(1, (ONE, wide)), DEFAULT), NOW).to_json()
    assert found["unused"] == []
    assert [one["versions"] for one in found["futile"]] == [">=1.0,<2.0", ">=0"]
    unused = assess(scan(), Criteria(snapshot, Exceptions(1, (ONE,)), DEFAULT), NOW).to_json()["unused"]
    assert [one["id"] for one in unused] == ["CVE-1"]
