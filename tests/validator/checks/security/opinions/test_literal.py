"""The records of a snapshot against its index: what one of them lacks, or says otherwise, is named."""

from __future__ import annotations

import json

import pytest

from bundle.advisories.index import write_index
from bundle.advisories.snapshot import read_snapshot
from tests.advisories import RECORDS, aged_snapshot, below, record, replaced, without_records
from tests.installed import make_prefix
from tests.validator.checking import look, look_all, release_of
from validator.checks.security.advisories import Advisories
from validator.checks.security.opinions.literal import LiteralEvaluation


@pytest.fixture(autouse=True)
def _trust_stores(trust_stores, monkeypatch):
    monkeypatch.setattr("validator.checks.security.advisories.host_trust_stores", lambda: trust_stores)


@pytest.fixture
def says(tmp_path):
    """Return the check's result for a snapshot that a test has changed."""

    folders = (tmp_path / str(number) for number in range(9))

    def run(change=lambda data: data, records=RECORDS):
        folder = next(folders)
        folder.mkdir()
        data = change(aged_snapshot(folder, 1, records))
        return look(LiteralEvaluation, make_prefix(folder, verification={"advisories/advisories.zip": data}))

    return run


def indexed(change):
    """Return a change of a snapshot: of its index, by package."""

    def apply(data):
        index = read_snapshot(data).index
        packages = {name: list(index.of(name)) for name in index.lines}
        change(packages)
        return replaced(data, "index.jsonl", write_index(packages))

    return apply


def published(change):
    """Return a change of a snapshot: of its records, by id, whose number stays."""

    def apply(data):
        records = {one["id"]: one for one in read_snapshot(data).records()}
        change(records)
        lines = "".join(json.dumps(records[key]) + "\n" for key in sorted(records))
        return replaced(data, "records.jsonl", lines.encode())

    return apply


def test_they_agree(says):
    result = says()
    assert (result.status, result.details) == ("PASS", "the published records give the same findings in 2 packages: 1")


def test_an_index_that_lacks_an_advisory_fails(says):
    more = (*RECORDS, record("TEST-9", "demo-lib", *below("2.0")))
    result = says(indexed(lambda packages: packages["demo-lib"].pop()), more)
    assert result.status == "FAIL"
    assert "demo-lib 1.2.0 TEST-9 (matcher: clear; the record itself: affected)" in result.details
    assert result.evidence["differences"][0]["id"] == "TEST-9"


def test_an_index_that_decides_what_a_record_leaves_open_fails(says):
    odd = (*RECORDS, record("TEST-9", "demo-lib", {"introduced": "0"}, {"fixed": "2018-04-22b"}))
    found = indexed(lambda packages: packages["demo-lib"].pop())
    assert "TEST-9 (matcher: clear; the record itself: undecided)" in says(found, odd).details


@pytest.mark.parametrize(
    ("affected", "judged"),
    [
        ([{"package": {"ecosystem": "npm", "name": "demo-lib"}}], "clear"),
        ([{"package": {"ecosystem": "PyPI", "name": "demo-lib"}, "ranges": None}], "undecided"),
        ([{"package": {"ecosystem": "PyPI", "name": "demo-lib"}, "versions": ["1.3"]}], "clear"),
    ],
)
def test_a_record_that_says_otherwise_fails(says, affected, judged):
    result = says(published(lambda records: records["TEST-1"].update(affected=affected)))
    assert result.status == "FAIL"
    assert f"demo-lib 1.2.0 TEST-1 (matcher: affected; the record itself: {judged})" in result.details


def test_a_record_whose_package_is_illegible_fails(says):
    result = says(published(lambda records: records["TEST-5"].update(affected=None)))
    assert "demo-base 2.0.1 TEST-5 (matcher: clear; the record itself: undecided)" in result.details
    assert result.status == "FAIL"


def test_a_record_that_was_withdrawn_in_one_of_both_fails(says):
    result = says(published(lambda records: records["TEST-1"].update(withdrawn="2026-01-01T00:00:00Z")))
    assert "demo-lib 1.2.0 TEST-1 (matcher: affected; the record itself: clear)" in result.details


def test_what_the_record_decides_and_the_index_leaves_open_warns(says):
    limited = record("TEST-9", "demo-lib", {"introduced": "1.0"}, {"limit": "2.0"})
    result = says(records=(*RECORDS, limited))
    assert result.status == "WARN"
    assert "TEST-9 (matcher: undecided; the record itself: affected)" in result.details


def test_what_was_set_aside_is_a_doubt_of_both(says):
    broken = {**record("BAD-1", "demo-lib", *below("2.0")), "summary": 7}
    assert says(records=(*RECORDS, broken)).status == "PASS"
    result = says(indexed(lambda packages: packages["demo-lib"].pop(0)), (*RECORDS, broken))
    assert "demo-lib 1.2.0 BAD-1 (matcher: clear; the record itself: undecided)" in result.details


def test_records_that_are_lost_fail(says):
    result = says(lambda data: replaced(data, "records.jsonl", b'{"id":"TEST-1"}\n'))
    assert (result.status, "the number of records" in result.details) == ("FAIL", True)
    result = says(lambda data: replaced(data, "records.jsonl", b""))
    assert (result.status, "empty or truncated" in result.details) == ("FAIL", True)


def test_advisories_without_records_say_so(says):
    result = says(without_records)
    assert (result.status, "format 1, which has no records" in result.details) == ("WARN", True)


def test_no_advisories(tmp_path):
    assert look(LiteralEvaluation, make_prefix(tmp_path)).status == "SKIP"


def test_advisories_that_are_not_as_signed(tmp_path):
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": aged_snapshot(tmp_path, 1)})
    path = release_of(prefix).bundle / "verification" / "advisories" / "advisories.zip"
    path.parent.chmod(0o755)
    path.unlink()
    result = look(LiteralEvaluation, prefix)
    assert (result.status, "incomplete" in result.details) == ("ERROR", True)


def test_one_bad_record_never_passes(tmp_path):
    broken = (*(one for one in RECORDS if one["id"] != "TEST-1"), {**RECORDS[0], "affected": None})
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": aged_snapshot(tmp_path, 1, broken)})
    doubts = [one for one in look_all(Advisories, prefix) if one.status == "WARN"]
    assert "* TEST-1: the record breaks the OSV schema: affected is missing or empty" in doubts[0].details
