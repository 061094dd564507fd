from __future__ import annotations

from dataclasses import replace

from bundle.advisories.assess import Criteria, assess
from bundle.advisories.exceptions import JUSTIFICATIONS, Exceptions
from bundle.advisories.matcher import CPYTHON, POSSIBLE, PYTHON, Scan
from bundle.advisories.severity import DEFAULT
from bundle.advisories.snapshot import read_snapshot
from bundle.advisories.vex import JUSTIFICATIONS as IN_CYCLONEDX
from bundle.advisories.vex import purl, vex
from tests.advisories import NOW, snapshot_bytes
from tests.bundle.advisories.test_exceptions import FINDING, ONE


def document(tmp_path):
    other = replace(FINDING, package="torch", version="2.6.0+cu124", ids=("TEST-9",), severity="unknown", score=None)
    maybe = replace(other, package="odd", version="1.0", certainty=POSSIBLE, fixed=())
    scanned = Scan((FINDING, other, maybe), (), frozenset(), 3)
    snapshot = read_snapshot(snapshot_bytes(tmp_path))
    return vex(assess(scanned, Criteria(snapshot, Exceptions(1, (ONE,)), DEFAULT), NOW), "demo", "1.0", NOW)


def test_document(tmp_path):
    found = document(tmp_path)
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert found["metadata"]["timestamp"] == "2026-06-01T12:00:00Z"
    refs = {one["bom-ref"] for one in found["components"]}
    assert refs == {"pkg:pypi/lib@1.5", "pkg:pypi/torch@2.6.0%2Bcu124", "pkg:pypi/odd@1.0"}
    assert {one["affects"][0]["ref"] for one in found["vulnerabilities"]} == refs
    states = {one["id"]: one["analysis"]["state"] for one in found["vulnerabilities"] if one["id"] == "TEST-1"}
    assert states == {"TEST-1": "not_affected"}
    by_ref = {one["affects"][0]["ref"]: one for one in found["vulnerabilities"]}
    assert by_ref["pkg:pypi/torch@2.6.0%2Bcu124"]["analysis"] == {"state": "exploitable"}
    assert by_ref["pkg:pypi/torch@2.6.0%2Bcu124"]["ratings"] == [{"severity": "unknown"}]
    assert by_ref["pkg:pypi/odd@1.0"]["analysis"] == {"state": "in_triage"}
    excepted = by_ref["pkg:pypi/lib@1.5"]
    assert excepted["analysis"]["justification"] == "code_not_present"
    assert "kim" in excepted["analysis"]["detail"]
    assert excepted["references"] == [{"id": "CVE-1", "source": {"name": "OSV"}}]


def test_the_same_findings_give_the_same_document(tmp_path):
    assert document(tmp_path) == document(tmp_path)


def test_every_justification_has_its_word():
    assert set(IN_CYCLONEDX) == set(JUSTIFICATIONS)


def test_purl():
    assert purl("lib", "1!2.0+a") == "pkg:pypi/lib@1%212.0%2Ba"


def test_a_finding_outside_of_the_application_names_its_place(tmp_path):
    there = replace(FINDING, package=CPYTHON, version="3.12.7+", where=PYTHON)
    scanned = Scan((FINDING, there), (), frozenset(), 1)
    criteria = Criteria(read_snapshot(snapshot_bytes(tmp_path)), Exceptions(1, ()), DEFAULT)
    own, other = vex(assess(scanned, criteria, NOW), "demo", "1.0", NOW)["vulnerabilities"]
    assert "properties" not in own
    assert other["properties"] == [{"name": "ragtrace:where", "value": "interpreter"}]
    assert other["affects"] == [{"ref": "pkg:github/python/cpython@v3.12.7%2B"}]
