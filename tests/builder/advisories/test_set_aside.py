"""Records that break the schema: each is set aside and named, and the packages that it names are undecided."""

from __future__ import annotations

import json
import zipfile

import pytest

from builder.advisories import records
from builder.advisories.records import read_export
from builder.advisories.snapshot import Making, make_snapshot
from bundle.advisories.assess import Criteria, assess, facts_of
from bundle.advisories.exceptions import NONE
from bundle.advisories.matcher import Installed, scan
from bundle.advisories.snapshot import read_snapshot
from shared.errors import BuildError
from tests.advisories import NOW, RECORDS, below, record, write_export


def bad(**values):
    """Return a record of demo-lib of which some values are others."""
    return {**record("BAD-1", "demo-lib", *below("1.0")), **values}


def block(**values):
    return bad(affected=[{"package": {"ecosystem": "PyPI", "name": "Demo_Lib"}, **values}])


def events(*found):
    return block(ranges=[{"type": "ECOSYSTEM", "events": list(found)}])


def named(name, ecosystem="PyPI"):
    return bad(affected=[{"package": {"ecosystem": ecosystem, "name": name}, "versions": ["1.0"]}])


def deep(levels):
    return '{"id": "BAD-1", "database_specific": ' + '{"a":' * levels + "1" + "}" * (levels + 1)


def written(record_or_text):
    return record_or_text if isinstance(record_or_text, (str, bytes)) else json.dumps(record_or_text)


def export_with(path, *contents, good=RECORDS):
    write_export(path, good)
    with zipfile.ZipFile(path, "a") as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"Y-{number}.json", written(content))
    return path


ONE_PACKAGE = {
    "empty event": (events({"introduced": "0"}, {}), "events[1] is not an object with one key"),
    "event with two keys": (events({"introduced": "0", "fixed": "1"}), "events[0] is not an object with one key"),
    "null event": (events(None), "events[0] is not an object"),
    "bound that is a number": (events({"introduced": 0}), "events[0].introduced is not a string"),
    "bound that is null": (events({"introduced": "0"}, {"fixed": None}), "events[1].fixed is not a string"),
    "bound that is empty": (events({"introduced": ""}), "events[0].introduced is not a string"),
    "null events": (block(ranges=[{"type": "ECOSYSTEM", "events": None}]), "ranges[0].events is not a list"),
    "no events": (block(ranges=[{"type": "ECOSYSTEM"}]), "ranges[0].events is not a list"),
    "events as an object": (block(ranges=[{"type": "ECOSYSTEM", "events": {}}]), "ranges[0].events is not a list"),
    "null ranges": (block(ranges=None, versions=["1.0"]), "ranges is not a list"),
    "null range": (block(ranges=[None]), "ranges[0] is not an object"),
    "range without a type": (block(ranges=[{"events": [{"introduced": "0"}]}]), "ranges[0].type is not a string"),
    "null versions": (block(versions=None), "versions is not a list"),
    "versions as a string": (block(versions="1.0"), "versions is not a list"),
    "version that is a number": (block(versions=[1.0]), "versions[0] is not a string"),
    "10,001 versions": (block(versions=[f"{n}.0" for n in range(10_001)]), "more than 10000 items"),
    "1,001 aliases": (bad(aliases=[f"CVE-{n}" for n in range(1001)]), "more than 1000 items"),
    "aliases as a string": (bad(aliases="CVE-1"), "aliases is not a list"),
    "alias that is null": (bad(aliases=[None]), "aliases[0] is not a string"),
    "severity as an object": (bad(severity={}), "severity is not a list"),
    "summary that is a list": (bad(summary=[]), "summary is not a string"),
    "modified that is no time": (bad(modified="yesterday"), "modified is not a time"),
    "modified that is a number": (bad(modified=20260530), "modified is not a time"),
    "withdrawn that is no time": (bad(withdrawn=""), "withdrawn is not a time"),
    "withdrawn that is true": (bad(withdrawn=True), "withdrawn is not a time"),
    "duplicate id": (bad(id="TEST-1"), "duplicate id"),
    "id that is a number": (bad(id=7), "id is not an identifier"),
    "id with a control character": (bad(id="BAD-\x1b[2J"), "id is not an identifier"),
    "id of 101 characters": (bad(id="B" * 101), "id is not an identifier"),
    "infinite number": (bad(database_specific={"cvss": 1e999}), "ValueError"),
    "half a character": (bad(summary="\ud800"), "surrogates"),
    "version of 5,000 digits": (events({"introduced": "9" * 5000}), "ValueError"),
}
ANY_PACKAGE = {
    "not JSON": ("{", "not JSON"),
    "not UTF-8": (b"\xff\xfe\xfa", "not JSON"),
    "empty": ("", "not JSON"),
    "a list": ("[]", "not an object"),
    "an empty object": ("{}", "id is not an identifier"),
    "duplicate key": ('{"id": "BAD-1", "affected": [], "affected": []}', "duplicate key"),
    "nested deeply": (deep(1000), "nested too deeply"),
    "nested very deeply": (deep(200_000), "nested too deeply"),
    "null affected": (bad(affected=None), "affected is missing or empty"),
    "empty affected": (bad(affected=[]), "affected is missing or empty"),
    "affected as a number": (bad(affected=3), "affected is not a list"),
    "null block": (bad(affected=[None]), "affected[0].package is not an object"),
    "package as a string": (bad(affected=[{"package": "demo-lib"}]), "affected[0].package is not an object"),
    "package without a name": (bad(affected=[{"package": {"ecosystem": "PyPI"}}]), "name is not a string"),
    "name with a space": (named("demo lib"), "is not the name of a package"),
    "name with a hyphen of Unicode": (named("demo\N{NON-BREAKING HYPHEN}lib"), "is not the name of a package"),
    "name with a line break": (named("demo-lib\n"), "is not the name of a package"),
    "ecosystem in lower case": (named("demo-lib", "pypi"), "is not an ecosystem"),
    "ecosystem with a space": (named("demo-lib", "PyPI "), "is not an ecosystem"),
    "null ecosystem": (named("demo-lib", None), "ecosystem is not a string"),
}
CASES = [(name, *case, ("demo-lib",)) for name, case in ONE_PACKAGE.items()] + [
    (name, *case, ()) for name, case in ANY_PACKAGE.items()
]


@pytest.mark.parametrize(
    ("content", "reason", "packages"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_set_aside_and_undecided(tmp_path, content, reason, packages):
    snapshot = read_snapshot(make_snapshot(export_with(tmp_path / "all.zip", content), Making("tests", NOW)))
    (one,) = snapshot.header.set_aside
    assert reason in one.reason
    assert one.packages == packages
    assert (snapshot.header.counts["set_aside"], snapshot.header.counts["live"]) == (1, 7)
    assert facts_of(snapshot)["set_aside"] == [one.to_json()]
    scanned = scan(snapshot.index, [Installed("demo.lib", "77.0"), Installed("other", "1.0")])
    assessment = assess(scanned, Criteria(snapshot, NONE, "default"), NOW)
    assert [(doubt.package, doubt.id) for doubt in assessment.doubts] == [(packages[0] if packages else "*", one.id)]
    assert assessment.status == "WARN"


def test_the_other_records_are_known_as_before(tmp_path):
    found = read_export(export_with(tmp_path / "all.zip", ONE_PACKAGE["empty event"][0]), NOW)
    expected = read_export(write_export(tmp_path / "all.zip"), NOW)
    assert found.records == expected.records
    found.packages["demo-lib"] = [one for one in found.packages["demo-lib"] if one.id != "BAD-1"]
    assert found.packages == expected.packages
    assert found.known_until == expected.known_until


@pytest.mark.parametrize(("count", "of", "refused"), [(1, 1, False), (2, 150, True), (2, 198, False), (3, 250, True)])
def test_a_broken_part_is_refused(tmp_path, count, of, refused):
    good = tuple(record(f"TEST-{number}", f"lib-{number}", *below("1.0")) for number in range(of))
    export = export_with(
        tmp_path / "all.zip", *[bad(id=f"BAD-{number}", affected=3) for number in range(count)], good=good
    )
    if not refused:
        assert len(read_export(export, NOW).set_aside) == count
        return
    with pytest.raises(BuildError, match=rf"break the OSV schema \({count} of {count + of}.*BAD-0: .*affected"):
        read_export(export, NOW)


def test_never_more_than_a_header_names(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "SET_ASIDE_LIMIT", 2)
    good = tuple(record(f"TEST-{number}", f"lib-{number}", *below("1.0")) for number in range(397))
    with pytest.raises(BuildError, match="of which 2 may be set aside"):
        read_export(export_with(tmp_path / "all.zip", "{", "{", "{", good=good), NOW)


def test_one_record_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD_LIMIT", 2000)
    found = read_export(export_with(tmp_path / "all.zip", bad(details="x" * 2000)), NOW)
    assert [(one.id, one.packages) for one in found.set_aside] == [("Y-0.json", ())]
    assert "larger than 2000 bytes" in found.set_aside[0].reason


def test_an_export_that_unpacks_to_more_than_any(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "EXPORT_LIMIT", 1000)
    with pytest.raises(BuildError, match="too large for an export"):
        read_export(write_export(tmp_path / "all.zip"), NOW)


def test_a_record_that_will_be_withdrawn_is_live_until_then(tmp_path):
    later = record("X-1", "lib", *below("1.0"), withdrawn="2099-01-01T00:00:00Z")
    data = make_snapshot(write_export(tmp_path / "all.zip", (later,)), Making("tests", NOW))
    snapshot = read_snapshot(data)
    assert (snapshot.header.counts["live"], snapshot.withdrawn) == (1, frozenset())
    assert [one.id for one in snapshot.index.of("lib")] == ["X-1"]


def test_a_broken_record_that_was_withdrawn_says_nothing(tmp_path):
    broken = {**events({}), "withdrawn": "2026-01-01T00:00:00Z"}
    snapshot = read_snapshot(make_snapshot(export_with(tmp_path / "all.zip", broken), Making("tests", NOW)))
    assert snapshot.header.set_aside == ()
    assert snapshot.withdrawn == {"BAD-1", "TEST-6"}
