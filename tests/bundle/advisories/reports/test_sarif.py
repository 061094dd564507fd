"""SARIF 2.1.0, checked by hand against what its schema requires."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bundle.advisories.assess import Criteria, assess
from bundle.advisories.exceptions import Exceptions
from bundle.advisories.matcher import POSSIBLE, Doubt, Scan
from bundle.advisories.reports.sarif import sarif
from bundle.advisories.severity import DEFAULT
from bundle.advisories.snapshot import read_snapshot
from tests.advisories import NOW, dated, snapshot_bytes
from tests.bundle.advisories.test_exceptions import FINDING, ONE

OTHER = replace(FINDING, package="other", version="2.0+cu1", ids=("TEST-9",), severity="low", score=None, fixed=())
DOUBTS = (Doubt("odd", "1.0", "TEST-5", "why"), Doubt("bare", None, "", "without metadata"))


@pytest.fixture
def assessed(tmp_path):
    snapshot = read_snapshot(snapshot_bytes(tmp_path, dated(NOW)))

    def run(*findings, exceptions=(), doubts=()):
        criteria = Criteria(snapshot, Exceptions(1, tuple(exceptions)), DEFAULT)
        return assess(Scan(tuple(findings), tuple(doubts), frozenset(), 4), criteria, NOW)

    return run


def problems(log: dict[str, Any]) -> list[str]:
    """Return where a log lacks what the schema of SARIF 2.1.0 requires, or has a value that it does not allow."""
    found = []

    def need(condition: object, place: str) -> None:
        found.extend([] if condition else [place])

    need(log.get("version") == "2.1.0" and isinstance(log.get("runs"), list), "version, runs")
    for run in log["runs"]:
        driver = run.get("tool", {}).get("driver", {})
        need(isinstance(driver.get("name"), str), "tool.driver.name")
        rules = driver.get("rules", [])
        need(len({json.dumps(rule) for rule in rules}) == len(rules), "rules are unique")
        for rule in rules:
            need(isinstance(rule.get("id"), str), "rule.id")
            need("text" in rule.get("shortDescription", {"text": ""}), "rule.shortDescription.text")
        for result in run.get("results", []):
            need(isinstance(result.get("message", {}).get("text"), str), "result.message.text")
            need(result.get("level") in ("none", "note", "warning", "error"), "result.level")
            need(result.get("kind", "fail") in ("fail", "review"), "result.kind")
            need(result.get("kind", "fail") == "fail" or result["level"] == "none", "level of a kind that is not fail")
            need(rules[result["ruleIndex"]]["id"] == result["ruleId"], "ruleIndex")
            need(all(isinstance(value, str) for value in result["partialFingerprints"].values()), "fingerprints")
            for location in result.get("locations", []):
                need(all("fullyQualifiedName" in one for one in location["logicalLocations"]), "logicalLocations")
            for one in result.get("suppressions", []):
                need(one.get("kind") in ("inSource", "external"), "suppression.kind")
                need(one.get("status") in ("accepted", "underReview", "rejected"), "suppression.status")
    return found


def test_findings(assessed):
    log = sarif({"demo": assessed(FINDING, OTHER, doubts=DOUBTS)}, "1.0")
    assert problems(json.loads(json.dumps(log))) == []
    (run,) = log["runs"]
    assert run["automationDetails"] == {"id": "ragtrace/demo"}
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [FINDING.id, "TEST-9", "TEST-5", "undecided"]
    first, second, third, last = run["results"]
    assert (first["level"], second["level"], third["level"], last["kind"]) == ("error", "note", "none", "review")
    places = [one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for one in run["results"]]
    assert places == ["pkg:pypi/lib@1.5", "pkg:pypi/other@2.0%2Bcu1", "pkg:pypi/odd@1.0", "pkg:pypi/bare"]
    assert "no fix known" in second["message"]["text"]
    fingerprints = {one["partialFingerprints"]["ragtrace/v1"] for one in run["results"]}
    assert len(fingerprints) == 4


def test_the_same_finding_has_the_same_fingerprint_and_a_possible_one_says_so(assessed):
    (before,) = sarif({"demo": assessed(FINDING)}, "1.0")["runs"][0]["results"]
    possible = replace(FINDING, severity="low", certainty=POSSIBLE)
    (after,) = sarif({"demo": assessed(possible)}, "2.0")["runs"][0]["results"]
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert "is possibly affected" in after["message"]["text"]


def test_an_excepted_finding_is_suppressed(assessed):
    log = sarif({"a": assessed(FINDING, exceptions=[ONE]), "b": assessed()}, "1.0")
    assert problems(log) == []
    (result,) = log["runs"][0]["results"]
    assert result["suppressions"][0]["justification"].endswith(f"({ONE.approver})")
    assert log["runs"][1]["results"] == []
