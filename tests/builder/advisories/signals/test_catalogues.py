"""Files about exploitation: a sound one is reduced to the CVEs of the records, a bad line is named, and refused."""

from __future__ import annotations

import gzip
import json

import pytest

from builder.advisories.signals.catalogues import cves_of, read_epss, read_kev
from builder.advisories.snapshot import Making, make_snapshot
from bundle.advisories.index import Advisory
from bundle.advisories.signals import exploits
from bundle.advisories.snapshot import read_snapshot
from shared.errors import BuildError, UsageError
from tests.advisories import NOW, write_export

OURS = frozenset({"CVE-2026-0001"})
ROWS = "CVE-2026-0001,0.91234,0.99001\nCVE-2020-9999,1e-05,0.1\n"
EPSS = f"#model_version:v2025.03.14,score_date:2026-05-31T00:00:00+0000\ncve,epss,percentile\n{ROWS}"


def entry(cve, added="2026-05-01", **more):
    return {"cveID": cve, "dateAdded": added, "vendorProject": "V", **more}


def kev(*entries, released="2026-05-30T14:00:00.1234Z", **more):
    listed = list(entries) or [entry("CVE-2026-0001"), entry("CVE-2020-9999", "2021-11-03")]
    return {"title": "CISA", "dateReleased": released, "count": len(listed), "vulnerabilities": listed, **more}


def test_cves_of():
    advisories = [Advisory("CVE-2026-0001"), Advisory("A", aliases=("CVE-2026-0002", "GHSA-x"))]
    assert cves_of({"a": advisories}) == {"CVE-2026-0001", "CVE-2026-0002"}


def test_kev_is_reduced(tmp_path):
    path = tmp_path / "kev.json"
    path.write_text(json.dumps(kev()))
    found = read_kev(path, OURS, NOW)
    assert (found.released, found.exploited) == ("2026-05-30", {"CVE-2026-0001": "2026-05-01"})
    assert exploits.read_catalogue(found.to_bytes()) == found


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *(("not json", "not JSON"), ([1], "not CISA's"), ({}, "not CISA's catalogue"), ("null", "not CISA's")),
        *((kev(count=5), "has 2 vulnerabilities but counts 5"), (kev(count=True), "not CISA's catalogue")),
        *((kev(vulnerabilities=[], count=0), "counts 0"), (kev(vulnerabilities={}), "not CISA's catalogue")),
        *((kev(released="yesterday"), "not CISA's catalogue"), (kev(released="2031-01-01T00:00:00Z"), "in the future")),
        *((kev(entry("CVE-1")), r"vulnerabilities\[0\]: not a CVE"), (kev("x"), r"\[0\]: not a CVE")),
        (kev(entry("CVE-2026-0001"), entry("CVE-2026-0001")), r"vulnerabilities\[1\]: duplicate CVE-2026-0001"),
        (kev(entry("CVE-2026-0001", "soon")), r"vulnerabilities\[0\]\.dateAdded: not a date"),
        (kev(entry("CVE-2026-0001", None)), r"dateAdded: not a string"),
        (kev(entry("CVE-2026-0001", "2026-05-31")), "added after the release"),
        ('{"count": 1, "count": 1}', "duplicate key"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_kev_that_is_refused(tmp_path, value, reason):
    path = tmp_path / "kev.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    with pytest.raises(BuildError, match=reason):
        read_kev(path, OURS, NOW)


def test_epss_is_reduced(tmp_path):
    plain, packed = tmp_path / "epss.csv", tmp_path / "epss.csv.gz"
    plain.write_text(EPSS)
    packed.write_bytes(gzip.compress(EPSS.encode()))
    for path in (plain, packed):
        found = read_epss(path, OURS, NOW)
        assert (found.date, dict(found.scores)) == ("2026-05-31", {"CVE-2026-0001": ("0.91234", "0.99001")})
    assert found.to_bytes() == b"#score_date:2026-05-31\ncve,epss,percentile\nCVE-2026-0001,0.91234,0.99001\n"
    assert exploits.read_scores(found.to_bytes(), "epss.csv") == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(("", r"epss\.csv\[1\]: not a comment"), ("cve,epss,percentile\n", r"\[1\]: not a comment")),
        (EPSS.replace("2026-05-31", "2026-13-31"), r"\[1\]: not a comment"),
        *((EPSS.replace("2026-05-31", "2031-05-31"), "in the future"), (EPSS.replace(ROWS, ""), "no scores")),
        (EPSS.replace("percentile", "rank"), r"epss\.csv\[2\]: not cve,epss,percentile"),
        (EPSS + "CVE-2026-0003,1.5,0.2\n", r"epss\.csv\[5\]: not cve,epss,percentile"),
        *((EPSS + "CVE-2026-0003,nan,0.2\n", r"\[5\]"), (EPSS + "CVE-2026-0003,0.5\n", r"\[5\]")),
        *((EPSS + "\n", r"\[5\]"), (EPSS + "CVE-2026-0003,-0.5,0\n", r"\[5\]"), (EPSS[:-20], r"\[4\]")),
        *((EPSS + ROWS, r"epss\.csv\[5\]: duplicate CVE-2026-0001"), (EPSS + "\u00e9", "not text")),
    ],
)
def test_epss_that_is_refused(tmp_path, text, reason):
    path = tmp_path / "epss.csv"
    path.write_text(text)
    with pytest.raises(BuildError, match=reason):
        read_epss(path, OURS, NOW)


def test_epss_that_is_truncated_or_huge(tmp_path, monkeypatch):
    path = tmp_path / "epss.csv.gz"
    path.write_bytes(gzip.compress(EPSS.encode())[:-20])
    with pytest.raises(BuildError, match="truncated"):
        read_epss(path, OURS, NOW)
    path.write_bytes(b"\x1f\x8b" + b"\0" * 50)
    with pytest.raises(BuildError, match="not usable"):
        read_epss(path, OURS, NOW)
    monkeypatch.setattr(exploits, "LIMIT", 200)
    path.write_bytes(gzip.compress(EPSS.encode() + b"\n" * 10_000))
    with pytest.raises(BuildError, match="larger than 200 bytes"):
        read_epss(path, OURS, NOW)
    (tmp_path / "kev.json").write_text(json.dumps(kev()) + " " * 300)
    with pytest.raises(UsageError, match="larger than 200 bytes"):
        read_kev(tmp_path / "kev.json", OURS, NOW)


def test_a_snapshot_with_both(tmp_path):
    (tmp_path / "kev.json").write_text(json.dumps(kev()))
    (tmp_path / "epss.csv").write_text(EPSS)
    making = Making("tests", NOW, kev=tmp_path / "kev.json", epss=tmp_path / "epss.csv")
    found = read_snapshot(make_snapshot(write_export(tmp_path / "all.zip"), making)).exploits
    assert found.listed(["TEST-1", "CVE-2026-0001"]) == "2026-05-01"
    assert found.probability(["TEST-1", "CVE-2026-0001"]) == 0.91234
    assert found.facts() == {"kev": {"date": "2026-05-30", "cves": 1}, "epss": {"date": "2026-05-31", "cves": 1}}


def test_a_snapshot_without(tmp_path):
    found = read_snapshot(make_snapshot(write_export(tmp_path / "all.zip"), Making("tests", NOW))).exploits
    assert (found.listed(["CVE-2026-0001"]), found.probability(["CVE-2026-0001"])) == ("", None)
    assert found.facts() == {"kev": None, "epss": None}
