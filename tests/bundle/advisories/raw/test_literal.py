"""The specification's own evaluation of records, of which every part may be of any type."""

from __future__ import annotations

import pytest

from bundle.advisories.raw.agreement import Difference, differences
from bundle.advisories.raw.literal import AFFECTED, CLEAR, UNDECIDED, Question, evaluate
from tests.advisories import below, record


def verdict(one, version, name="demo-lib", **more):
    judged = evaluate([one], Question([(name, version), ("other", "1.0")], "2026-06-01T12:00:00Z", **more))
    assert ("other", "1.0", one["id"]) not in judged
    return judged.get(("demo-lib", version, one["id"]), CLEAR)


def ranged(kind, *events, **more):
    return record("X-1", "demo-lib", **more) | {
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Demo.Lib"},
                "ranges": [{"type": kind, "events": [dict([event]) for event in events]}],
            }
        ]
    }


PEP440 = ranged("ECOSYSTEM", ("introduced", "1.0"), ("fixed", "1.5"), ("introduced", "2.0"), ("last_affected", "2.5"))
SEMVER = ranged("SEMVER", ("introduced", "1.0.0-alpha.2"), ("fixed", "1.5.0"))
LIMITED = ranged("ECOSYSTEM", ("introduced", "1.0"), ("limit", "3.0"))


@pytest.mark.parametrize(
    ("one", "version", "expected"),
    [
        (PEP440, "0.9", CLEAR),
        (PEP440, "1.0.dev1", CLEAR),
        (PEP440, "1.0", AFFECTED),
        (PEP440, "1.5rc1", AFFECTED),
        (PEP440, "1.5", CLEAR),
        (PEP440, "1.5+local", CLEAR),
        (PEP440, "2.5+local", AFFECTED),
        (PEP440, "2.5.post1", CLEAR),
        (PEP440, "1!1.2", CLEAR),
        (PEP440, "no version", UNDECIDED),
        (SEMVER, "1.0.0-alpha.1", CLEAR),
        (SEMVER, "1.0.0-alpha.2", AFFECTED),
        (SEMVER, "1.0.0-alpha.10", AFFECTED),
        (SEMVER, "1.0.0-alpha", CLEAR),
        (SEMVER, "1.0.0-1", CLEAR),
        (SEMVER, "1.0.0-beta+build.1", AFFECTED),
        (SEMVER, "1.4", AFFECTED),
        (SEMVER, "1.5.0", CLEAR),
        (SEMVER, "1.0rc1", UNDECIDED),
        (ranged("SEMVER", ("introduced", "0")), "0.0.0-a", AFFECTED),
        (LIMITED, "0.5", CLEAR),
        (LIMITED, "2.9", AFFECTED),
        (LIMITED, "3.0", CLEAR),
        (ranged("ECOSYSTEM", ("introduced", "1.0"), ("limit", "3.0"), ("limit", "*")), "4.0", AFFECTED),
        (ranged("ECOSYSTEM", ("introduced", "1.0"), ("limit", "3.0"), ("limit", "2.0")), "2.5", AFFECTED),
        (ranged("ECOSYSTEM", ("fixed", "1.0")), "0.5", UNDECIDED),
        (ranged("ECOSYSTEM"), "0.5", UNDECIDED),
        (ranged("OTHER", ("introduced", "0")), "0.5", UNDECIDED),
        (ranged("ECOSYSTEM", ("introduced", "0"), ("ended", "2")), "0.5", UNDECIDED),
        (ranged("GIT", ("introduced", "0")), "0.5", UNDECIDED),
        (ranged("ECOSYSTEM", ("introduced", "0"), ("fixed", "2.6.0+cu124")), "1.0", UNDECIDED),
        (record("X-1", "demo-lib", versions=("1.0", "odd version")), "1.0.0", AFFECTED),
        (record("X-1", "demo-lib", versions=("1.0", "odd version")), "odd version", AFFECTED),
        (record("X-1", "demo-lib", versions=("1.0", "odd version")), "odder version", UNDECIDED),
        (record("X-1", "DEMO__lib", *below("2.0")), "1.0", AFFECTED),
        (record("X-1", "demo-lib-2", *below("2.0")), "1.0", CLEAR),
        (record("X-1", "demo-lib", *below("2.0"), withdrawn="2026-01-01T00:00:00Z"), "1.0", CLEAR),
        (record("X-1", "demo-lib", *below("2.0"), withdrawn="2027-01-01T00:00:00Z"), "1.0", AFFECTED),
        (record("X-1", "demo-lib", *below("2.0"), withdrawn="long ago"), "1.0", AFFECTED),
        (record("X-1", "demo-lib", *below("2.0"), withdrawn=True), "1.0", AFFECTED),
        (record("X-1", "demo-lib", *below("2.0"), withdrawn=None), "1.0", AFFECTED),
    ],
)
def test_judgements(one, version, expected):
    assert verdict(one, version) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"ranges": None},
        {"ranges": [None]},
        {"ranges": {"a": 1}},
        {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {}]}]},
        {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": 0}]}]},
        {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": None}]}]},
        {"ranges": [{"type": "ECOSYSTEM", "events": None}]},
        {"ranges": [{"type": ["ECOSYSTEM"], "events": []}]},
        {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0", "fixed": "9"}]}]},
        {"ranges": [{"events": [{"introduced": "0"}]}]},
        {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "9" * 5_000_000}]}]},
        {"versions": None},
        {"versions": "1.0"},
        {"versions": [["1.0"]]},
        {"versions": {}},
        {},
    ],
)
def test_what_is_illegible_is_undecided(change):
    one = record("X-1", "demo-lib")
    one["affected"] = [{"package": {"ecosystem": "PyPI", "name": "demo-lib"}, **change}]
    assert verdict(one, "5.0") == UNDECIDED


@pytest.mark.parametrize(
    "affected",
    [
        None,
        [],
        {},
        "demo-lib",
        [None],
        [{"package": None}],
        [{"package": {"ecosystem": "PyPI", "name": 7}}],
        [{"package": {"ecosystem": "PyPI", "name": "demo lib"}}],
        [{"package": {"ecosystem": "pypi", "name": "demo-lib"}}],
        [{"package": {"ecosystem": None, "name": "demo-lib"}}],
    ],
)
def test_a_package_that_is_illegible_may_be_any(affected):
    one = {"id": "X-1", "affected": affected}
    judged = evaluate([one], Question([("demo-lib", "1.0"), ("other", "2.0")], "2026-06-01T12:00:00Z"))
    assert judged == {("demo-lib", "1.0", "X-1"): UNDECIDED, ("other", "2.0", "X-1"): UNDECIDED}
    assert evaluate([{"id": "X-1"}], Question([("demo-lib", "1.0")], "2026")) == {("demo-lib", "1.0", "X-1"): UNDECIDED}


def test_other_ecosystems_are_left_out():
    one = record("X-1", "demo-lib", *below("2.0"))
    one["affected"][0]["package"]["ecosystem"] = "npm"
    assert verdict(one, "1.0") == CLEAR


def test_one_block_of_several_is_enough():
    one = record("X-1", "demo-lib", *below("1.0"))
    one["affected"].append({"package": {"ecosystem": "PyPI", "name": "demo-lib"}})
    assert verdict(one, "0.5") == AFFECTED
    assert verdict(one, "1.5") == UNDECIDED


def test_what_was_set_aside_is_undecided():
    question = Question([("Demo_Lib", "1.0"), ("other", "2.0")], "2026", [("BAD-1", ("demo-lib",)), ("BAD-2", ())])
    assert evaluate([], question) == {("demo-lib", "1.0", "BAD-1"): UNDECIDED}


def test_differences():
    key = ("demo-lib", "1.0", "X-1")
    for index, by_record in [("affected", "affected"), ("possible", "undecided"), ("undecided", "undecided")]:
        assert differences({key: index}, {key: by_record}) == []
    assert differences({key: "possible"}, {}) == []
    assert differences({}, {key: AFFECTED}) == [Difference(*key, CLEAR, AFFECTED)]
    (one,) = differences({key: "affected"}, {})
    assert str(one) == "demo-lib 1.0 X-1 (matcher: affected; the record itself: clear)"
    assert not one.is_open
    (other,) = differences({key: "undecided"}, {key: AFFECTED})
    assert other.is_open
