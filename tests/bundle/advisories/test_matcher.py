from __future__ import annotations

from packaging.version import Version

from bundle.advisories.index import Advisory, parse_index, write_index
from bundle.advisories.matcher import AFFECTED, POSSIBLE, Installed, scan
from bundle.advisories.versions import FIRST, Interval


def below(fixed):
    return Interval(FIRST, True, Version(fixed), False)


def index(**packages):
    return parse_index(write_index({name.replace("_", "-"): found for name, found in packages.items()}), "index")


def test_finding():
    found = index(
        my_lib=[
            Advisory("A-1", ("CVE-1",), "high", 7.5, ("1.5", "1.10", "0.9"), "Bad", (below("1.10"),)),
            Advisory("A-2", affected=(below("1.0"),)),
        ]
    )
    scanned = scan(found, [Installed("My_Lib", "1.2+cpu"), Installed("other", "1.0")])
    (finding,) = scanned.findings
    assert finding.package == "my-lib"
    assert finding.version == "1.2+cpu"
    assert finding.ids == ("A-1", "CVE-1")
    assert finding.certainty == AFFECTED
    assert (finding.severity, finding.score, finding.summary) == ("high", 7.5, "Bad")
    assert finding.fixed == ("1.5", "1.10")
    assert finding.link.endswith("/A-1")
    assert scanned.hits == {("my-lib", "1.2", "A-1")}
    assert scanned.packages == 2
    assert scanned.doubts == ()


def test_aliases_are_merged():
    found = index(
        lib=[
            Advisory("A-1", ("CVE-1",), "unknown", None, ("2.0",), "", (below("2.0"),)),
            Advisory("B-1", ("CVE-1", "CVE-2"), "low", 3.1, ("2.1",), "Second", (), (below("2.1"),)),
            Advisory("C-1", ("CVE-3",), "medium", 5.0, (), "Other", (below("3.0"),)),
            Advisory("D-1", ("CVE-2",), "unknown", None, (), "", (below("1.0"),)),
        ]
    )
    scanned = scan(found, [Installed("lib", "1.5")])
    assert [finding.ids for finding in scanned.findings] == [("C-1", "CVE-3"), ("A-1", "B-1", "CVE-1", "CVE-2")]
    merged = scanned.findings[1]
    assert (merged.certainty, merged.severity, merged.fixed, merged.summary) == (
        AFFECTED,
        "low",
        ("2.0", "2.1"),
        "Second",
    )
    assert scanned.hits == {("lib", "1.5", "A-1"), ("lib", "1.5", "C-1")}


def test_chains_of_aliases_are_merged():
    found = index(
        lib=[
            Advisory("A-1", ("CVE-1",), affected=(below("2.0"),)),
            Advisory("B-1", ("CVE-2",), affected=(below("2.0"),)),
            Advisory("C-1", ("CVE-1", "CVE-2"), affected=(below("2.0"),)),
        ]
    )
    assert len(scan(found, [Installed("lib", "1.5")]).findings) == 1


def test_possible():
    found = index(lib=[Advisory("A-1", possible=(below("2.0"),))])
    scanned = scan(found, [Installed("lib", "1.5")])
    assert [finding.certainty for finding in scanned.findings] == [POSSIBLE]
    assert scanned.hits == frozenset()


def test_nothing_is_dropped():
    found = index(
        lib=[Advisory("A-1", affected=(below("2.0"),), versions=("wrong",)), Advisory("A-2", undecided="odd")]
    )
    installed = [
        Installed("lib", "1.5"),
        Installed("lib", "wrong"),
        Installed("bare", None),
        Installed("two", "1.0"),
        Installed("Two", "2.0"),
        Installed("strange", "2018-04-22b"),
    ]
    scanned = scan(found, installed)
    assert {(finding.version, finding.id) for finding in scanned.findings} == {("1.5", "A-1"), ("wrong", "A-1")}
    doubts = {(doubt.package, doubt.version, doubt.id): doubt.reason for doubt in scanned.doubts}
    assert "without metadata" in doubts["bare", None, ""]
    assert "1.0, 2.0" in doubts["two", None, ""]
    assert "compared" in doubts["strange", "2018-04-22b", ""]
    assert doubts["lib", "1.5", "A-2"] == "odd"
    assert doubts["lib", "wrong", "A-2"] == "odd"
    assert ("lib", None, "") in doubts
    assert scanned.hits == {("lib", "1.5", "A-1")}


def test_undecided_by_the_version():
    found = index(lib=[Advisory("A-1", affected=(below("2.0"),))])
    doubts = scan(found, [Installed("lib", "2018-04-22b")]).doubts
    assert [doubt.id for doubt in doubts] == ["", "A-1"]


def test_order_is_worst_first():
    levels = ("low", "critical", "unknown", "high", "medium", "none")
    found = index(lib=[Advisory(f"A-{level}", severity=level, affected=(below("2"),)) for level in levels])
    order = [finding.severity for finding in scan(found, [Installed("lib", "1")]).findings]
    assert order == ["critical", "high", "medium", "unknown", "low", "none"]
