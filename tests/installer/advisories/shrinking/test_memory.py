"""What a host remembers of snapshots: in its list, and outside of the prefix."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bundle.advisories.snapshot import read_snapshot
from installer.advisories import stored
from shared.errors import TrustError
from tests.installer.advisories.conftest import MADE
from tests.installer.advisories.shrinking.attacker import (
    EXCEPTION,
    FULL,
    LATER,
    acceptance,
    forget,
    instead,
    listed,
    stored_snapshot,
    without,
)


def test_a_list_that_was_altered(attacker):
    attacker.offer(*without("TEST-8"))
    for path in (listed(attacker), stored.mirror(attacker.site.installation.prefix)):
        path.write_bytes(path.read_bytes().replace(b"missing", b"nothing"))
    with pytest.raises(TrustError, match="the list of advisories of earlier") as refused:
        attacker.scan()
    assert "signed reason" in refused.value.advice
    with pytest.raises(TrustError, match="the list of advisories of earlier"):
        attacker.offer(*FULL)
    data = attacker.snapshot(*FULL)
    attacker.approve(sequence=1, snapshots=(acceptance(data),))
    attacker.adopt(data)
    assert attacker.scan().assessment.findings_status == "FAIL"


def test_power_loss_loses_no_advisory(attacker, monkeypatch):
    from shared.files import files

    attacker.install("later", "1.0")
    whole = files.write_atomic
    data = attacker.snapshot(*instead(LATER, {**LATER, "withdrawn": "2026-05-01T00:00:00Z"}))
    for stop in range(4):
        writes = iter(range(stop))

        def write(target, content, *, mode=0o644, writes=writes):
            if "advisories" in str(target.parent) and next(writes, None) is None:
                raise KeyboardInterrupt
            whole(target, content, mode=mode)

        monkeypatch.setattr(files, "write_atomic", write)
        try:
            attacker.adopt(data)
        except KeyboardInterrupt:
            pass
        monkeypatch.setattr(files, "write_atomic", whole)
        assert "later" in {one.package for one in attacker.scan().assessment.findings}


def test_removing_the_updates_does_not_let_an_older_one_count(attacker):
    newest = read_snapshot(stored_snapshot(attacker))
    forget(attacker, shared=True)
    with pytest.raises(TrustError, match=newest.sha256) as refused:
        attacker.scan()
    assert "advisories update FILE" in refused.value.advice
    older = attacker.snapshot(*FULL, sequence=int((MADE + timedelta(hours=1)).timestamp()))
    with pytest.raises(TrustError, match="not higher than"):
        attacker.adopt(older)
    with pytest.raises(TrustError, match=newest.sha256):  # nobody can tell what a newer one lacks
        attacker.offer(*FULL)
    assert attacker.adopt(newest.data).new
    assert attacker.offer(*FULL).new


def test_the_one_that_was_removed_may_return(attacker):
    data = stored_snapshot(attacker)
    forget(attacker)
    assert attacker.scan().updated
    assert attacker.adopt(data).new
    assert attacker.scan().updated


def test_an_older_exceptions_file_does_not_return_either(attacker):
    attacker.approve(sequence=7, exceptions=(EXCEPTION,))
    attacker.approve(sequence=8)
    data = stored_snapshot(attacker)
    forget(attacker)
    attacker.adopt(data)
    with pytest.raises(TrustError, match="sequence number 7, which is not higher than 8"):
        attacker.approve(sequence=7, exceptions=(EXCEPTION,))


def test_a_lost_record_leaves_the_audit_log(attacker):
    for folder in (attacker.site.trust_stores.host, attacker.site.trust_stores.user):
        for path in folder.glob("memory*.json"):
            path.unlink()
    forget(attacker, shared=True)
    with pytest.raises(TrustError, match="This host has accepted"):
        attacker.scan()


def test_a_record_that_cannot_be_written_is_a_warning(attacker, monkeypatch):
    def fail(*_given, **_more):
        raise PermissionError(13, "no")

    monkeypatch.setattr("installer.advisories.sequences.memory.remember", fail)
    (warning,) = attacker.offer(*FULL).warnings
    assert "was not recorded outside the prefix" in warning


def test_a_trust_folder_that_cannot_be_written_leaves_the_prefix(attacker, monkeypatch):
    def fail(*_given, **_more):
        raise PermissionError(13, "no")

    monkeypatch.setattr("installer.trust.knowledge.memory.raise_to", fail)
    warned = attacker.offer(*without("TEST-8")).warnings
    assert any("was not recorded outside the prefix" in one for one in warned)
    attacker.install("later", "1.0")
    assert "later" in {one.package for one in attacker.scan().assessment.findings}


# a release with a snapshot of its own
