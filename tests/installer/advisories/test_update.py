from __future__ import annotations

import os
import sys
from datetime import timedelta

import pytest

from bundle.advisories.exceptions import Exceptions, Exemption
from bundle.advisories.snapshot import Snapshot, read_snapshot
from bundle.signing.policy import NAMESPACES
from bundle.signing.signature import ED25519
from installer.advisories import kinds, stored
from installer.advisories.update import UpdateOptions, update
from installer.logs import audit_log
from shared.errors import BusyError, TrustError, UsageError
from shared.files.process_lock import locked
from tests.advisories import below, record, sign_beside, snapshot_bytes, trusting
from tests.installer.advisories.conftest import APPROVER, KEY, MADE
from tests.keys import SoftKey
from tests.policies import lay

LATER = MADE + timedelta(days=10)
SNAPSHOT_ROLE, EXCEPTIONS_ROLE = NAMESPACES["advisories"], NAMESPACES["exceptions"]


def adopt(path, site, **options):
    """Update the advisories of an installation, a while after all that the tests sign."""
    return update(path, site.installation, site.trust_stores, UpdateOptions(**{"now": LATER, **options}))


def exceptions(sequence=1, approved=MADE):
    exemption = Exemption(
        *("CVE-2026-0001", "demo-lib", "==1.2.0", "vulnerable_code_not_present", "never", "kim"),
        approved,
        approved + timedelta(days=90),
    )
    return Exceptions(sequence, (exemption,)).to_bytes()


def in_force(site):
    return stored.in_force(kinds.SNAPSHOTS, *site)


def files_of(site):
    folder = stored.folder_of(site.installation.prefix)
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_newer_snapshot(tmp_path, site, snapshot, brought):
    assert in_force(site).value == read_snapshot(brought)
    assert not in_force(site).updated
    for days in (5, 6):
        data = snapshot(days)
        done = adopt(sign_beside(tmp_path / "a.zip", data, SNAPSHOT_ROLE, KEY), site)
        assert (done.role, done.new) == ("advisories", True)
        found = in_force(site)
        assert found.updated
        assert found.value == read_snapshot(data)
        assert files_of(site) == ["advisories.zip", f"advisories.zip.{found.sha256[:12]}.{KEY.key.keyid}.sig"]
        assert audit_log.head(site.installation.prefix) == done.audit_head
        (tmp_path / "a.zip").unlink()
    last = audit_log.entries(site.installation.prefix)[-1]
    assert (last["action"], last["kind"], last["sequence"]) == ("advisories", "advisories", found.value.header.sequence)


def test_the_same_again(tmp_path, site, snapshot):
    path = sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY)
    assert adopt(path, site).new
    before = audit_log.head(site.installation.prefix)
    again = adopt(path, site)
    assert not again.new
    assert again.audit_head == before == audit_log.head(site.installation.prefix)


def test_what_the_release_brought_is_the_same(tmp_path, site, brought):
    assert not adopt(sign_beside(tmp_path / "a.zip", brought, SNAPSHOT_ROLE, KEY), site).new
    assert files_of(site) == []


def refused(path, site, match, **more):
    before, kept_files = in_force(site), files_of(site)
    with pytest.raises(TrustError, match=match):
        adopt(path, site, **more)
    assert in_force(site) == before
    assert files_of(site) == kept_files
    assert audit_log.entries(site.installation.prefix)[-1]["outcome"] == "failed"


def test_an_older_one_is_refused(tmp_path, site, snapshot):
    refused(sign_beside(tmp_path / "a.zip", snapshot(-5), SNAPSHOT_ROLE, KEY), site, "not higher than")
    adopt(sign_beside(tmp_path / "b.zip", snapshot(5), SNAPSHOT_ROLE, KEY), site)
    refused(sign_beside(tmp_path / "c.zip", snapshot(4), SNAPSHOT_ROLE, KEY), site, "not higher than")


def test_another_one_of_the_same_number_is_refused(tmp_path, site, snapshot, brought):
    number = read_snapshot(brought).header.sequence
    path = sign_beside(tmp_path / "a.zip", snapshot(5, sequence=number), SNAPSHOT_ROLE, KEY)
    refused(path, site, "not higher than")


def test_unsigned(tmp_path, site, snapshot):
    refused(sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE), site, "not signed")


def test_signed_by_a_stranger(tmp_path, site, snapshot):
    stranger = SoftKey(ED25519)
    refused(sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, stranger), site, "untrusted key")


def test_signed_for_something_else(tmp_path, site, snapshot):
    for namespace in (NAMESPACES["release"], EXCEPTIONS_ROLE):
        refused(sign_beside(tmp_path / "a.zip", snapshot(5), namespace, KEY), site, "its namespace is")


def test_a_key_of_another_role(tmp_path, site, snapshot):
    refused(sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, APPROVER), site, "this kind of document")


def test_altered(tmp_path, site, snapshot):
    path = sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(path, site, "signature")


def test_cut_short(tmp_path, site, snapshot):
    path = sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY)
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, site, "signature")
    refused(sign_beside(tmp_path / "b.zip", snapshot(5)[:-100], SNAPSHOT_ROLE, KEY), site, "not a valid zip")


def test_of_a_time_to_come(tmp_path, site, snapshot):
    path = sign_beside(tmp_path / "a.zip", snapshot(12), SNAPSHOT_ROLE, KEY)
    refused(path, site, "clock says")
    assert adopt(path, site, accept_clock=True).new


def test_a_day_ahead_is_an_honest_clock(tmp_path, site, snapshot):
    assert adopt(sign_beside(tmp_path / "a.zip", snapshot(10.9), SNAPSHOT_ROLE, KEY), site).new


def test_blind(tmp_path, site, snapshot, monkeypatch):
    path = sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY)
    monkeypatch.setattr(Snapshot, "blind_spots", lambda _self: iter(["demo 1.0 (X)"]))
    with pytest.raises(TrustError, match=r"demo 1\.0"):
        adopt(path, site)
    assert files_of(site) == []


def test_missing(tmp_path, site):
    with pytest.raises(UsageError, match="cannot be read"):
        adopt(tmp_path / "none.zip", site)


def test_another_run_holds_the_lock(tmp_path, site, snapshot):
    path = sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY)
    with locked(site.installation.prefix.state / "lock"), pytest.raises(BusyError):
        adopt(path, site)


def test_the_prefix_may_demand_more(tmp_path, site, snapshot):
    policy, owner = trusting(KEY, APPROVER, needed=2)
    site.installation.prefix.trust.mkdir()
    lay(site.installation.prefix.trust, policy, owner)
    path = sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY)
    with pytest.raises(TrustError, match="2"):
        adopt(path, site)
    sign_beside(path, path.read_bytes(), SNAPSHOT_ROLE, KEY, APPROVER)
    assert adopt(path, site).new


def test_exceptions(tmp_path, site):
    assert stored.in_force(kinds.EXCEPTIONS, *site) is None
    path = sign_beside(tmp_path / "e.json", exceptions(), EXCEPTIONS_ROLE, APPROVER)
    assert adopt(path, site).role == "exceptions"
    assert len(stored.in_force(kinds.EXCEPTIONS, *site).value.exceptions) == 1
    refused(sign_beside(tmp_path / "f.json", exceptions(2), EXCEPTIONS_ROLE, KEY), site, "this kind of document")
    ahead = exceptions(2, LATER + timedelta(days=3))
    refused(sign_beside(tmp_path / "g.json", ahead, EXCEPTIONS_ROLE, APPROVER), site, "clock")
    refused(sign_beside(tmp_path / "h.json", b"{}", EXCEPTIONS_ROLE, APPROVER), site, "format")


@pytest.mark.parametrize("spoil", ["file", "signature", "no signature", "policy"])
def test_what_was_kept_is_judged_at_every_use(tmp_path, site, snapshot, spoil, trust_stores):
    adopt(sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY), site)
    folder = stored.folder_of(site.installation.prefix)
    (signature,) = folder.glob("*.sig")
    if spoil == "file":
        (folder / "advisories.zip").write_bytes(snapshot(6))
    elif spoil == "signature":
        signature.write_bytes(signature.read_bytes().replace(b"A", b"B"))
    elif spoil == "no signature":
        signature.unlink()
    else:
        for path in trust_stores.host.glob("*.*"):
            path.unlink()
        policy, owner = trusting(SoftKey(ED25519))
        lay(trust_stores.host, policy, owner)
    expected = "differs from the signed file" if spoil in ("file", "no signature") else "."
    with pytest.raises(TrustError, match=expected) as refused:
        in_force(site)
    assert "recover" not in refused.value.advice  # which has no other copy of it
    assert spoil not in ("file", "no signature") or "advisories update FILE" in refused.value.advice
    if spoil != "policy":  # a newer one mends it
        assert adopt(sign_beside(tmp_path / "b.zip", snapshot(7), SNAPSHOT_ROLE, KEY), site).new
        assert in_force(site).updated


@pytest.mark.skipif(sys.platform == "win32", reason="Windows says of a name below a file that it is not there")
def test_what_cannot_be_looked_at_is_not_passed_over(site):
    stored.folder_of(site.installation.prefix).touch()
    with pytest.raises(TrustError, match="Not a directory") as refused:
        in_force(site)
    assert "recover" in refused.value.advice  # which takes what is no folder away


def test_what_the_release_brought_is_checked_at_every_use(site):
    path = site.installation.release.bundle / "verification" / "advisories" / "advisories.zip"
    data = path.read_bytes()
    os.chmod(path.parent, 0o755)
    path.unlink()
    with pytest.raises(TrustError, match="No such file"):
        in_force(site)
    path.write_bytes(data + b"\0")
    with pytest.raises(TrustError, match="differs from the signed file"):
        in_force(site)


def test_power_loss_leaves_the_old_or_the_new(tmp_path, site, snapshot, monkeypatch):
    """Every prefix of the writes is a state that reads as one of the two."""
    from shared.files import files

    adopt(sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY), site)
    old, new = in_force(site).sha256, read_snapshot(snapshot(6)).sha256
    path = sign_beside(tmp_path / "b.zip", snapshot(6), SNAPSHOT_ROLE, KEY)
    whole = files.write_atomic
    seen = set()
    for stop in (0, 1, 2):
        writes = iter(range(stop))

        def write(target, data, *, mode=0o644, writes=writes):
            if "advisories" in str(target.parent) and next(writes, None) is None:
                raise KeyboardInterrupt
            whole(target, data, mode=mode)

        monkeypatch.setattr(files, "write_atomic", write)
        try:
            adopt(path, site)
        except KeyboardInterrupt:
            pass
        monkeypatch.setattr(files, "write_atomic", whole)
        seen.add(in_force(site).sha256)
        assert in_force(site).sha256 in (old, new)
    assert seen == {old, new}


def test_a_release_with_a_newer_one_counts(tmp_path, site, snapshot, monkeypatch):
    adopt(sign_beside(tmp_path / "a.zip", snapshot(5), SNAPSHOT_ROLE, KEY), site)
    newer = read_snapshot(snapshot(8))
    monkeypatch.setattr(stored, "of_release", lambda _kind, _site: kinds.Stored(newer, newer.sha256, updated=False))
    assert in_force(site).value is newer


def test_nothing_brought(tmp_path, site, snapshot, monkeypatch):
    monkeypatch.setattr(stored, "of_release", lambda _kind, _site: None)
    assert in_force(site) is None
    few = (record("TEST-1", "demo-lib", *below("1.3"), modified="2026-06-01T00:00:00Z"),)
    data = snapshot_bytes(tmp_path, few, now=MADE)
    assert adopt(sign_beside(tmp_path / "a.zip", data, SNAPSHOT_ROLE, KEY), site).new
    assert in_force(site).updated
