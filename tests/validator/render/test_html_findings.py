from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.validator.render.test_html import HOSTILE, Page
from tests.validator.render.test_text import RESULTS, report
from validator.render.html import render

FINDING = {
    "package": "lib",
    "version": "1.5",
    "ids": ["PYSEC-2026-1", "CVE-2026-0001", "GHSA-aaaa-bbbb-cccc", "CVE-2026-0002"],
    "certainty": "affected",
    "severity": "high",
    "score": 7.5,
    "fixed": ["2.0", "2.1"],
    "summary": "Bad",
    "malware": False,
    "kev": "2026-05-01",
    "epss": 0.912,
}


def page(*findings: Any, check: str = "security.advisories") -> Page:
    result = replace(RESULTS[0], id=check, evidence={"findings": list(findings)})
    return Page(render(replace(report(), results=(*report().results, result))))


def test_a_finding_is_a_row():
    found = page(FINDING)
    for text in ("high", "lib", "1.5", "2.0, 2.1", "certain", "PYSEC-2026-1", "2026-05-01", "91.2%"):
        assert text in found.texts
    assert ("href", "https://osv.dev/vulnerability/PYSEC-2026-1") in found.attributes
    assert "CVE-2026-0002" not in found.texts
    assert found.tags.count("th") == 8
    assert found.tags.count("script") == 1


def test_malware_and_what_is_only_possible():
    texts = page({**FINDING, "malware": True, "certainty": "possible", "fixed": []}).texts
    assert "malware" in texts
    assert "possible" in texts
    assert "no fix known" in texts


@pytest.mark.parametrize(
    "identifier",
    [
        *("javascript:alert(1)", "PYSEC-2026-1/../../x", "PYSEC-2026-1?q", "//evil.example/X-1", "CVE-1 2", HOSTILE),
        *("PYSEC-1#x", "PYSEC-\u0430", "A-" + "1" * 99, ""),
    ],
)
def test_an_id_that_is_none_is_no_link(identifier):
    found = page({**FINDING, "ids": [identifier]})
    assert not [value for name, value in found.attributes if name == "href"]


@pytest.mark.parametrize("key", FINDING)
@pytest.mark.parametrize("value", [None, 7, True, HOSTILE, [HOSTILE], {"a": 1}, float("nan")])
def test_evidence_of_any_type_is_shown_as_text(key, value):
    found = page({**FINDING, key: value})
    assert "img" not in found.tags
    assert found.tags.count("script") == 1


def test_no_findings_no_table():
    assert "table" not in page().tags
    assert "table" not in page(FINDING, check="security.other").tags
    assert "table" not in page("text", 7).tags
