from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bundle.advisories.exceptions import Exceptions, Exemption
from bundle.advisories.signals.exploits import Catalogue, Scores
from bundle.advisories.snapshot import Snapshot
from bundle.signing.signature import ED25519
from installer.advisories import stored
from installer.release.installation import active
from tests.advisories import CRITICAL, RECORDS, aged_snapshot, below, record, replaced, sign_beside, trusting
from tests.installed import make_prefix
from tests.keys import SoftKey
from tests.policies import lay
from tests.validator.checking import look, look_all, release_of, site_of
from validator.checks.security.advisories import Advisories

HARMLESS = tuple(one for one in RECORDS if one["id"] != "TEST-1")


@pytest.fixture(autouse=True)
def _trust_stores(trust_stores, monkeypatch):
    monkeypatch.setattr("validator.checks.security.advisories.host_trust_stores", lambda: trust_stores)


def prefix_with(tmp_path, days=1.0, records=RECORDS, **more):
    return make_prefix(
        tmp_path, verification={"advisories/advisories.zip": aged_snapshot(tmp_path, days, records), **more}
    )


def by_name(prefix):
    return {result.check_name: result for result in look_all(Advisories, prefix)}


def test_a_known_vulnerability(tmp_path):
    result = look_all(Advisories, prefix_with(tmp_path))[0]
    assert result.status == "FAIL"
    assert "1 high: demo-lib 1.2.0 (TEST-1)" in result.details
    assert result.evidence["findings"][0]["fixed"] == ["1.3"]
    assert result.performance_metric["vulnerabilities"]["value"] == 1


def test_none(tmp_path):
    findings, age = look_all(Advisories, prefix_with(tmp_path, records=HARMLESS))
    assert (findings.status, age.status) == ("PASS", "PASS")
    assert "none in 2 packages" in findings.details
    assert "1 day ago" in age.details


@pytest.mark.parametrize("days", [31, 91])
def test_old_knowledge_is_never_a_pass(tmp_path, days):
    findings, age = look_all(Advisories, prefix_with(tmp_path, days, HARMLESS))
    assert (findings.status, age.status) == ("WARN", "WARN")
    assert f"{days} days ago" in age.details
    assert "advisories update" in age.command


@pytest.mark.parametrize(("days", "status"), [(1, "PASS"), (31, "WARN")])
def test_old_knowledge_of_little_harm_is_never_a_pass(tmp_path, days, status):
    low = record("TEST-9", "demo-lib", {"introduced": "0"}, vector="CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N")
    result = look_all(Advisories, prefix_with(tmp_path, days, (*HARMLESS, low)))[0]
    assert (result.status, "1 low: demo-lib" in result.details) == (status, True)


def test_knowledge_of_a_time_to_come(tmp_path):
    findings, age = look_all(Advisories, prefix_with(tmp_path, -3, HARMLESS))
    assert (findings.status, age.status) == ("WARN", "WARN")
    assert "in the future" in age.details


def test_the_strict_table_fails_for_stale_knowledge(tmp_path):
    gate = {"advisories/gate.json": b'{"table": "strict"}'}
    _findings, age = look_all(Advisories, prefix_with(tmp_path, 91, HARMLESS, **gate))
    assert age.status == "FAIL"


def test_a_severity_that_nobody_knows(tmp_path):
    unknown = record("TEST-9", "demo-lib", {"introduced": "0"})
    assert look_all(Advisories, prefix_with(tmp_path, records=(*HARMLESS, unknown)))[0].status == "WARN"


def test_what_cannot_be_judged(tmp_path):
    prefix = prefix_with(tmp_path, records=HARMLESS)
    site = site_of(prefix)
    site.chmod(0o755)
    (site / "bare-1.0.dist-info").mkdir()
    results = by_name(prefix)
    assert results["Undecided vulnerabilities"].status == "WARN"
    assert "bare: it is installed without metadata" in results["Undecided vulnerabilities"].details


def test_blind(tmp_path, monkeypatch):
    prefix = prefix_with(tmp_path, records=HARMLESS)
    monkeypatch.setattr(Snapshot, "blind_spots", lambda _self: iter(["demo 1.0 (X)"]))
    result = look(Advisories, prefix)
    assert result.status == "FAIL"
    assert "demo 1.0 (X)" in result.details


def test_altered(tmp_path):
    prefix = prefix_with(tmp_path)
    path = release_of(prefix).bundle / "verification" / "advisories" / "advisories.zip"
    path.parent.chmod(0o755)
    path.unlink()
    path.write_bytes(b"PK")
    result = look(Advisories, prefix)
    assert result.status == "FAIL"
    assert "differs from the signed file" in result.details


def test_an_update_counts_when_it_is_signed(tmp_path, trust_stores):
    prefix, key = prefix_with(tmp_path, 20, HARMLESS), SoftKey(ED25519)
    policy, owner = trusting(key)
    trust_stores.host.mkdir(parents=True)
    lay(trust_stores.host, policy, owner)
    data = aged_snapshot(tmp_path, 1, HARMLESS)
    stored.folder_of(prefix).mkdir()
    stored.folder_of(prefix).joinpath("advisories.zip").write_bytes(data)
    assert look(Advisories, prefix).status == "FAIL"  # nobody has signed it
    from installer.advisories.update import update

    signed = sign_beside(tmp_path / "a.zip", data, "ragtrace-advisories@v1", key)
    update(signed, active(prefix), trust_stores)
    assert [result.status for result in look_all(Advisories, prefix)] == ["PASS", "PASS"]


def exception(days):
    approved = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=50)
    exemption = Exemption(
        *("CVE-2026-0001", "demo-lib", "==1.2.0", "inline_mitigations_already_exist", "guarded", "kim"),
        approved,
        approved + timedelta(days=days),
    )
    return {"advisories/exceptions.json": Exceptions(1, (exemption,)).to_bytes()}


def test_an_exception(tmp_path):
    results = by_name(prefix_with(tmp_path, **exception(60)))
    assert results["Known vulnerabilities"].status == "PASS"
    assert "1 excepted by kim" in results["Known vulnerabilities"].details


def test_an_exception_that_has_ended(tmp_path):
    results = by_name(prefix_with(tmp_path, **exception(40)))
    assert results["Known vulnerabilities"].status == "FAIL"
    assert results["Exceptions"].status == "WARN"
    assert "CVE-2026-0001 demo-lib" in results["Exceptions"].details


def test_no_advisories(tmp_path):
    result = look(Advisories, make_prefix(tmp_path))
    assert result.status == "SKIP"
    assert look(Advisories, None).status == "SKIP"


def test_what_an_update_no_longer_lists_is_no_pass(tmp_path, trust_stores):
    from installer.advisories.update import update

    prefix, key = prefix_with(tmp_path, 20), SoftKey(ED25519)
    policy, owner = trusting(key)
    trust_stores.host.mkdir(parents=True)
    lay(trust_stores.host, policy, owner)
    gone = tuple({**one, "withdrawn": "2026-01-01T00:00:00Z"} if one["id"] == "TEST-1" else one for one in RECORDS)
    data = aged_snapshot(tmp_path, 1, gone)
    update(sign_beside(tmp_path / "a.zip", data, "ragtrace-advisories@v1", key), active(prefix), trust_stores)
    result = look_all(Advisories, prefix)[0]
    assert result.status == "FAIL"
    assert "demo-lib 1.2.0 (TEST-1, withdrawn since sequence" in result.details
    assert "a signed reason" in result.suggestion
    assert result.evidence["findings"][0]["gone"]["reason"] == "withdrawn"


def test_malware_and_what_is_only_possible_are_named(tmp_path):
    malware = record("PYSEC-9", "demo-lib", {"introduced": "0"}, details="Malicious package. It steals.")
    possible = record("TEST-9", "demo-lib", *below("1.0"), {"fixed": "2.0"})
    result = look_all(Advisories, prefix_with(tmp_path, records=(*HARMLESS, malware, possible)))[0]
    assert result.status == "FAIL"
    assert "demo-lib 1.2.0 (PYSEC-9) [malware]" in result.details
    assert "demo-lib 1.2.0 (TEST-9) [possible]" in result.details
    assert "1 of 2 has no score" in result.details
    assert [one["malware"] for one in result.evidence["findings"]] == [True, False]


def test_undecided_malware_fails(tmp_path):
    malware = record("MAL-2026-1", "demo-lib", {"introduced": "0"}, {"fixed": "x"})
    result = by_name(prefix_with(tmp_path, records=(*HARMLESS, malware)))["Undecided vulnerabilities"]
    assert (result.status, result.details.partition(":")[0]) == ("FAIL", "possibly malware")


def test_what_is_known_of_exploitation_orders_and_is_named(tmp_path):
    records = (*RECORDS, record("TEST-10", "demo-lib", *below("2.0"), vector=CRITICAL))
    catalogue = Catalogue("2026-05-30", {"CVE-2026-0001": "2026-05-01"}).to_bytes()
    scores = Scores("2026-05-31", {"CVE-2026-0001": ("0.91234", "0.99")}).to_bytes()
    data = replaced(replaced(aged_snapshot(tmp_path, 1, records), "kev.json", catalogue), "epss.csv", scores)
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": data})
    result = look_all(Advisories, prefix)[0]
    assert "demo-lib 1.2.0 (TEST-1) [exploited: in KEV since 2026-05-01, EPSS 91.2%]" in result.details
    assert "1 is known to be exploited (CISA KEV): demo-lib 1.2.0 (TEST-1)" in result.details
    assert [one["ids"][0] for one in result.evidence["findings"]] == ["TEST-1", "TEST-10"]
