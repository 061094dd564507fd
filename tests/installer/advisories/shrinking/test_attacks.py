"""Ways of the key of advisories that need something ordinary to happen on the host, and files that would harm it."""

from __future__ import annotations

import json
import shutil

import pytest

from bundle.advisories.exceptions import Removal
from bundle.advisories.snapshot import read_snapshot
from bundle.signing.signature import ED25519
from installer.advisories.scan import Rating, scan_installed
from shared.errors import TrustError
from tests.advisories import CRITICAL, HIGH, below, record, replaced, trusting
from tests.installer.advisories.conftest import APPROVER
from tests.installer.advisories.shrinking.attacker import (
    BROUGHT,
    DAYS,
    FULL,
    HIT,
    MANY,
    Attacker,
    instead,
    upgrade,
    without,
)
from tests.keys import SoftKey
from tests.policies import lay

GONE = {"withdrawn": "2026-01-01T00:00:00Z"}


def test_a_rollback_does_not_make_the_host_forget_what_the_later_release_brought(tmp_path, site, monkeypatch):
    attacker = Attacker(tmp_path, site)  # only the later release has the full snapshot
    first = attacker.site.installation
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL))
    first.prefix.set_current(first.release)
    attacker.site = attacker.site._replace(installation=first)
    attacker.offer(*instead(HIT, {**HIT, **GONE}))
    assert attacker.scan().assessment.findings_status == "FAIL"


def test_a_policy_that_drops_the_signer_does_not_make_the_host_forget(attacker):
    key, stores = SoftKey(ED25519), attacker.site.trust_stores
    policy, owner = trusting(key, APPROVER)
    shutil.rmtree(stores.host)
    stores.host.mkdir()
    lay(stores.host, policy, owner)
    with pytest.raises(TrustError, match="apply to installed packages"):
        attacker.adopt(attacker.snapshot(*without("TEST-1")), key)
    attacker.adopt(attacker.snapshot(*instead(HIT, {**HIT, **GONE})), key)
    assert attacker.scan().assessment.findings_status == "FAIL"


def test_what_is_retained_anew_is_told(attacker):
    warned = attacker.offer(*instead(HIT, {**HIT, **GONE})).warnings
    assert "1 advisory of earlier snapshots was withdrawn, changed or dropped, but still applies on this host" in warned


@pytest.mark.parametrize("sequence", [3_500_000_000, 2**53])
def test_a_sequence_number_of_the_far_future(attacker, sequence):
    with pytest.raises(TrustError, match="is far above"):
        attacker.offer(*FULL, sequence=sequence)


def test_a_record_without_a_legible_package_goes_on_being_a_doubt(attacker):
    broken = {"package": {"ecosystem": "PyPI", "name": "la ter"}, "ranges": "all"}
    attacker.offer(*FULL, {"id": "BROKEN-1", "modified": "2026-05-30T10:00:00Z", "affected": [broken]})
    attacker.offer(*FULL)
    (doubt,) = (one for one in attacker.scan().assessment.doubts if one.id == "BROKEN-1")
    assert (doubt.package, doubt.gone is not None) == ("*", True)


def test_undecided_malware_stays_malware(attacker):
    attacker.install("odd", "1.0")
    odd = record("MAL-2026-5", "odd", {"introduced": "0"}, {"fixed": "2018-04-22b"})
    attacker.offer(*FULL, odd)
    attacker.offer(*FULL, {**odd, **GONE})
    assert [one.malware for one in attacker.scan().assessment.doubts if one.package == "odd"] == [True]


def test_a_version_that_cannot_be_compared_stays_a_doubt(attacker):
    attacker.uninstall("demo_lib")
    attacker.install("later", "of_today")
    attacker.offer(*without("TEST-8"))
    assert [one.id for one in attacker.scan().assessment.doubts if one.package == "later" and one.gone] == ["TEST-8"]


def test_a_fixed_version_that_is_left_out_ignores_nothing(attacker):
    attacker.offer(*instead(HIT, {**HIT, "affected": record("X", "demo-lib", {"introduced": "0"})["affected"]}))
    rating = Rating(until_fixed=True)
    assert scan_installed(*attacker.site, rating=rating, now=attacker.now).assessment.findings_status == "FAIL"


def test_a_reason_about_one_advisory_silences_no_other_with_its_alias(attacker):
    for name in ("demo_lib", "demo_base"):
        attacker.uninstall(name)
    first = record("PYSEC-1", "later", *below("2.0"), vector=HIGH, aliases=("CVE-1",))
    twin = record("GHSA-1", "later", *below("2.0"), vector=HIGH, aliases=("CVE-1", "PYSEC-1"))
    attacker.offer(BROUGHT, *MANY, *(one for one in FULL if one not in (BROUGHT, *MANY)), first, twin)
    attacker.install("later", "1.0")
    last = attacker.scan().snapshot.header.sequence
    attacker.approve(
        sequence=3, removals=(Removal("PYSEC-1", "later", last, "a duplicate", "kim", attacker.now - DAYS, None),)
    )
    attacker.offer(*FULL, {**first, **GONE}, {**twin, **GONE})
    assert "GHSA-1" in {one.id for one in attacker.scan().assessment.findings if one.package == "later"}


def test_malware_that_is_called_a_mere_vulnerability_ignores_nothing(attacker):
    attacker.uninstall("demo_lib")
    attacker.install("odd", "1.0")
    malware = record("PYSEC-5", "odd", {"introduced": "0"}, details="Malicious package. Do not use.")
    attacker.offer(*FULL, malware)
    attacker.offer(*FULL, {**record("PYSEC-5", "odd", {"introduced": "0"}, vector=CRITICAL)})
    rating = Rating(until_fixed=True)
    assert scan_installed(*attacker.site, rating=rating, now=attacker.now).assessment.findings_status == "FAIL"


@pytest.mark.parametrize("name", ["a\u0085", "a" * 5000, "A", "a_b", "../a"])
def test_a_name_that_no_package_has_is_refused(attacker, name):
    data = attacker.snapshot(*FULL)
    line = (json.dumps([name, [{"id": "Q-1", "affected": ["[0.dev0,)"]}]], ensure_ascii=False) + "\n").encode()
    lines = [*read_snapshot(data).member("index.jsonl").splitlines(keepends=True), line]
    spoilt = replaced(data, "index.jsonl", b"".join(sorted(lines, key=lambda one: str(json.loads(bytes(one))[0]))))
    with pytest.raises(TrustError, match="not an index line"):
        attacker.adopt(spoilt)
    assert attacker.offer(*FULL).new
