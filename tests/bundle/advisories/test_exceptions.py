from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bundle.advisories.exceptions import Acceptance, Exceptions, Exemption, Removal, read_exceptions
from bundle.advisories.matcher import AFFECTED, Finding
from bundle.strict import dumps
from shared.errors import TrustError
from tests.advisories import NOW

ONE = Exemption(
    *("CVE-1", "lib", ">=1.0,<2.0", "vulnerable_code_not_present", "not built in", "kim"),
    NOW,
    NOW + timedelta(days=180),
)
FINDING = Finding("lib", "1.5", ("TEST-1", "CVE-1"), AFFECTED, "high", 7.5, ("2.0",), "Bad")


def test_round_trip():
    whole = Exceptions(3, (ONE,))
    assert read_exceptions(whole.to_bytes()) == whole


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"expires": NOW + timedelta(days=180, seconds=1)}, "expires"),
        ({"expires": NOW}, "expires"),
        ({"justification": "it_is_fine"}, "justification"),
        ({"versions": "1.0"}, "versions"),
        ({"package": "My_Lib"}, "package"),
        ({"approver": ""}, "approver"),
        ({"statement": ""}, "statement"),
        ({"id": ""}, "id"),
    ],
)
def test_exceptions_that_are_none(change, path):
    with pytest.raises(TrustError, match=rf"exceptions\[0\]\.{path}"):
        read_exceptions(Exceptions(1, (replace(ONE, **change),)).to_bytes())


def test_what_is_missing_is_refused():
    data = Exceptions(1, (ONE,)).to_bytes()
    for key in ("expires", "approver", "justification"):
        line = next(line for line in data.splitlines(keepends=True) if f'"{key}"'.encode() in line)
        with pytest.raises(TrustError, match=key):
            read_exceptions(data.replace(line, b""))


@pytest.mark.parametrize(
    ("change", "covered"),
    [
        ({}, True),
        ({"version": "1.5+local"}, True),
        ({"version": "2.0rc1"}, False),
        ({"version": "1.6rc1"}, True),
        ({"version": "2.0"}, False),
        ({"version": "odd"}, False),
        ({"package": "other"}, False),
        ({"ids": ("TEST-2",)}, False),
    ],
)
def test_covers(change, covered):
    assert ONE.covers(replace(FINDING, **change)) == covered


def test_in_force():
    assert ONE.in_force(NOW)
    assert ONE.in_force(ONE.expires)
    assert not ONE.in_force(ONE.expires + timedelta(seconds=1))
    assert ONE.in_force(NOW - timedelta(hours=20))
    assert not ONE.in_force(NOW - timedelta(days=2))


REMOVAL = Removal("PYSEC-1", "demo", 7, "withdrawn", "kim", ONE.approved, None)
ACCEPTANCE = Acceptance("0" * 64, "cleaned", "kim", ONE.approved, ONE.approved + timedelta(days=90))


def test_only_reasons_need_the_second_format():
    assert json.loads(Exceptions(1, (ONE,)).to_bytes())["format"] == 1
    for parts in ({"removals": (REMOVAL,)}, {"snapshots": (ACCEPTANCE,)}):
        found = Exceptions(1, (ONE,), **parts)
        assert json.loads(found.to_bytes())["format"] == 2
        assert read_exceptions(found.to_bytes()) == found
    first = json.loads(Exceptions(1, (ONE,)).to_bytes())
    for wrong in ({**first, "format": 2}, {**first, "removals": []}, {**first, "format": 2, "snapshots": []}):
        with pytest.raises(TrustError, match="canonical form"):
            read_exceptions(dumps(wrong))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"package": "Demo_Lib"}, "not a normalized name"),
        ({"package": ""}, "empty"),
        ({"sequence": 0}, "not between 1"),
        ({"expires": ONE.approved}, "later than its approval"),
        ({"expires": ONE.approved + timedelta(days=181)}, "at most 180 days"),
        ({"statement": ""}, "empty"),
        ({"approver": ""}, "empty"),
    ],
)
def test_a_removal_is_read_strictly(changes, expected):
    with pytest.raises(TrustError, match=expected):
        read_exceptions(Exceptions(1, (), (replace(REMOVAL, **changes),)).to_bytes())


def test_an_acceptance_always_expires():
    for expires in (ONE.approved, ONE.approved + timedelta(days=181)):
        with pytest.raises(TrustError, match="later than its approval"):
            read_exceptions(Exceptions(1, (), (), (replace(ACCEPTANCE, expires=expires),)).to_bytes())
    value = json.loads(Exceptions(1, (), (), (ACCEPTANCE,)).to_bytes())
    value["snapshots"][0]["expires"] = None
    with pytest.raises(TrustError, match="not a string"):
        read_exceptions(dumps(value))


def test_when_reasons_apply():
    later = ONE.approved + timedelta(days=1000)
    assert REMOVAL.in_force(later)
    assert not REMOVAL.in_force(ONE.approved - timedelta(days=2))
    assert not replace(REMOVAL, expires=ONE.approved + timedelta(days=1)).in_force(later)
    assert ACCEPTANCE.in_force(ONE.approved)
    assert not ACCEPTANCE.in_force(later)
    assert len(Exceptions(1, (ONE,), (REMOVAL,), (ACCEPTANCE,)).times()) == 3
