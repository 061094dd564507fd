"""Releases with snapshots of their own, and rollbacks."""

from __future__ import annotations

import io
import zipfile

import pytest

from installer.advisories import retained_list, stored
from shared.errors import TrustError
from shared.files import files
from tests.advisories import changed, replaced
from tests.installer.advisories.shrinking.attacker import (
    BROUGHT,
    FULL,
    FURTHER,
    HIT,
    UNSCORED,
    listed,
    upgrade,
)


def test_a_later_release_does_not_make_it_forget(attacker, monkeypatch):
    """Neither the update, which is older than the new release's snapshot, nor what only the update had."""
    upgrade(attacker, monkeypatch, attacker.snapshot(BROUGHT, HIT, UNSCORED))
    attacker.install("later", "1.0")
    assert not attacker.scan().updated
    assert "later" in {one.package for one in attacker.scan().assessment.findings}
    attacker.offer(BROUGHT, HIT, UNSCORED)  # replaces the update
    assert "later" in {one.package for one in attacker.scan().assessment.findings}


def test_what_only_an_earlier_release_had(attacker, monkeypatch):
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL, FURTHER))
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL), counter=2)
    assert len(retained_list.read(*attacker.site).entries) == 1
    found = attacker.scan().assessment
    assert "TEST-2" in {one.id for one in found.findings}


def test_a_rollback_goes_on_with_the_newest(attacker, monkeypatch):
    first = attacker.site.installation
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL, FURTHER))
    first.prefix.set_current(first.release)
    attacker.site = attacker.site._replace(installation=first)
    assert "TEST-2" in {one.id for one in attacker.scan().assessment.findings}


def test_a_release_without_advisories(attacker, monkeypatch):
    upgrade(attacker, monkeypatch, None)
    assert attacker.scan().updated


def test_a_release_is_not_activated_beside_a_lost_list(attacker):
    """It is, but the record stays: what is missing is asked for."""
    attacker.offer(*FULL[:-1])
    listed(attacker).write_bytes(b"{}")
    files.remove_tree(stored.mirror(attacker.site.installation.prefix))
    assert "not complete" in (retained_list.prepare(*attacker.site) or "")
    with pytest.raises(TrustError, match="the list of advisories of earlier"):
        attacker.scan()


def test_a_malformed_line_of_a_package_that_is_not_installed(attacker, monkeypatch):
    def spoil(members):
        members["index.jsonl"] = members["index.jsonl"].replace(b'["many-001",[{', b'["many-001",[{"id":1},{')
        return members

    data = changed(attacker.snapshot(*FULL), spoil)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        data = replaced(data, "index.jsonl", archive.read("index.jsonl"))
    with pytest.raises(TrustError, match="snapshot is malformed"):
        upgrade(attacker, monkeypatch, data)


def test_a_release_whose_number_would_shut_out_all_later_ones(attacker, monkeypatch):
    with pytest.raises(TrustError, match="far above"):
        upgrade(attacker, monkeypatch, attacker.snapshot(*FULL, sequence=2**50))


# every refusal advises about the file, not about an installation
