from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bundle.advisories.exceptions import Exceptions, Exemption, read_exceptions
from bundle.advisories.matcher import AFFECTED, Finding
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
