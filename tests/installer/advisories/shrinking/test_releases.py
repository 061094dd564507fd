"""Releases with snapshots of their own, and rollbacks."""

from __future__ import annotations

from installer.advisories import retained_list
from tests.installer.advisories.shrinking.attacker import (
    BROUGHT,
    FULL,
    FURTHER,
    HIT,
    UNSCORED,
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
    assert len(retained_list.read(attacker.site.installation.prefix).entries) == 1
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


def test_what_cannot_be_retained_is_a_warning(attacker, monkeypatch):
    path = retained_list.path_of(attacker.site.installation.prefix)
    path.write_bytes(b"{}")
    assert "could not be retained" in (retained_list.prepare(*attacker.site) or "")


# every refusal advises about the file, not about an installation
