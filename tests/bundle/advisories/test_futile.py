"""Exceptions that cannot do what they should are named, each with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.advisories.futile import futile
from bundle.advisories.snapshot import read_snapshot
from tests.advisories import NOW, RECORDS, dated, record, snapshot_bytes
from tests.bundle.advisories.test_exceptions import ONE

LISTED = record("TEST-9", "listed", versions=("1.0", "1.1"))
OPEN = record("TEST-10", "opened", {"introduced": "1.5"})


@pytest.fixture
def snapshot(tmp_path):
    return read_snapshot(snapshot_bytes(tmp_path, dated(NOW, (*RECORDS, LISTED, OPEN))))


def about(identifier, package, versions):
    return replace(ONE, id=identifier, package=package, versions=versions)


@pytest.mark.parametrize("versions", [">=0", ">=0.dev0", ">=0,>=0", "!=5"])
def test_every_version(snapshot, versions):
    for known in (None, snapshot):
        ((_one, reason),) = futile([about("TEST-1", "demo-lib", versions)], known)
        assert reason == f"{versions} matches every version, including fixed and future ones"


@pytest.mark.parametrize(
    ("identifier", "package", "versions", "reason"),
    [
        ("CVE-1999-0001", "demo-lib", "<1.3", "the advisories contain no such identifier"),
        ("TEST-1", "demo-base", "<1.3", "the advisory is not about this package"),
        ("CVE-2026-0001", "none", "<1.3", "the advisory is not about this package"),
        ("TEST-6", "demo-base", "<9.0", "the advisory was withdrawn"),
        ("TEST-1", "demo-lib", ">=1.3", ">=1.3 matches no version that the advisory affects"),
        ("TEST-1", "demo-lib", "==1.3.1", "==1.3.1 matches no version that the advisory affects"),
        ("TEST-3", "other-thing", "<2.0", "<2.0 matches no version that the advisory affects"),
        ("TEST-9", "listed", ">1.1", ">1.1 matches no version that the advisory affects"),
    ],
)
def test_what_never_matches(snapshot, identifier, package, versions, reason):
    one = about(identifier, package, versions)
    assert list(futile([one], snapshot)) == [(one, reason)]
    assert list(futile([one], None)) == []


@pytest.mark.parametrize(
    ("identifier", "package", "versions"),
    [
        *(("TEST-1", "demo-lib", "==1.2.0"), ("CVE-2026-0001", "demo-lib", "<1.3"), ("TEST-1", "demo-lib", "==1.2.*")),
        *(("TEST-1", "demo-lib", "~=1.2.3"), ("TEST-1", "demo-lib", ">1.2,<1.2.9"), ("TEST-3", "other-thing", ">2.4")),
        *(("TEST-9", "listed", ">1.0"), ("TEST-10", "opened", ">1.4"), ("TEST-10", "opened", ">=9000")),
        *(("TEST-8", "twice", "==1.5"), ("TEST-5", "odd", "==7")),  # possible, and undecided
    ],
)
def test_what_matches(snapshot, identifier, package, versions):
    assert list(futile([about(identifier, package, versions)], snapshot)) == []
