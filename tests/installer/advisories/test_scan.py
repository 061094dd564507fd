from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bundle.advisories.exceptions import Exceptions
from bundle.advisories.matcher import Installed
from bundle.advisories.snapshot import Snapshot, read_snapshot
from installer.advisories import kinds, stored
from installer.advisories.packages import installed
from installer.advisories.scan import Rating, scan_installed, table_of, write_vex
from installer.release.installation import active
from shared.errors import HostError, TrustError
from tests.bundle.advisories.test_exceptions import ONE
from tests.installer.advisories.conftest import MADE
from tests.validator.checking import site_of


def test_what_is_installed_is_scanned(site):
    seen = scan_installed(*site, now=MADE + timedelta(days=1))
    (finding,) = seen.assessment.findings
    assert (finding.package, finding.version, finding.ids) == ("demo-lib", "1.2.0", ("TEST-1", "CVE-2026-0001"))
    assert seen.assessment.packages == 2
    assert seen.assessment.status == "FAIL"
    assert not seen.updated


def test_nothing_is_left_out(site):
    folder = site_of(site.installation.prefix)
    folder.chmod(0o755)
    (folder / "demo_lib-1.2.0.dist-info").rename(folder / "demo_lib-1.9.dist-info")
    (folder / "demo_lib-1.0.dist-info").mkdir()
    (folder / "demo_lib-1.0.dist-info" / "METADATA").touch()
    (folder / "bare-1.0.dist-info").mkdir()
    (folder / "odd-2018_04_22b.dist-info").mkdir()
    (folder / "odd-2018_04_22b.dist-info" / "METADATA").touch()
    (folder / "old_egg-3.0-py3.11.egg-info").mkdir()
    (folder / "bare_egg.egg-info").mkdir()
    found = installed(site.installation)
    assert Installed("bare", None) in found
    assert Installed("old-egg", "3.0") in found
    assert Installed("bare-egg", None) in found
    seen = scan_installed(*site, now=MADE)
    assert {(one.version, one.id) for one in seen.assessment.findings} == {("1.0", "TEST-1")}
    doubts = {(doubt.package, doubt.version) for doubt in seen.assessment.doubts}
    assert doubts == {("demo-lib", None), ("bare", None), ("bare-egg", None), ("odd", "2018_04_22b")}


def test_an_environment_without_packages_says_nothing(site):
    folder = site_of(site.installation.prefix)
    folder.parent.chmod(0o755)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(HostError, match="contains no packages"):
        scan_installed(*site, now=MADE)


def test_exceptions_count(site, monkeypatch):
    exemption = ONE.__class__(**{**vars(ONE), "id": "TEST-1", "package": "demo-lib", "approved": MADE,
                                 "expires": MADE + timedelta(days=10)})  # fmt: skip
    whole = stored.in_force

    def in_force(kind, *given):
        if kind is kinds.EXCEPTIONS:
            return kinds.Stored(Exceptions(1, (exemption,)), "", updated=True)
        return whole(kind, *given)

    monkeypatch.setattr("installer.advisories.scan.in_force", in_force)
    assert scan_installed(*site, now=MADE).assessment.status == "PASS"
    assert scan_installed(*site, now=MADE + timedelta(days=11)).assessment.status == "FAIL"


def test_blind(site, monkeypatch):
    monkeypatch.setattr(Snapshot, "blind_spots", lambda _self: iter(["demo 1.0 (X)"]))
    with pytest.raises(TrustError, match=r"demo 1\.0"):
        scan_installed(*site)


def test_nothing_to_scan_by(site, monkeypatch):
    monkeypatch.setattr("installer.advisories.scan.in_force", lambda *_given: None)
    with pytest.raises(HostError, match="no advisories"):
        scan_installed(*site)


def test_vex(tmp_path, site):
    write_vex(tmp_path / "vex.json", scan_installed(*site), site.installation)
    found = json.loads((tmp_path / "vex.json").read_bytes())
    assert [one["id"] for one in found["vulnerabilities"]] == ["TEST-1"]
    with pytest.raises(HostError, match="cannot be written"):
        write_vex(tmp_path / "none" / "vex.json", scan_installed(*site), site.installation)


def test_table_without_a_gate(site):
    assert table_of(site.installation) == "default"


def test_table_of_the_gate(tmp_path, brought, trust_stores):
    from tests.installed import make_prefix

    gate = json.dumps({"table": "strict"}).encode()
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": brought, "advisories/gate.json": gate})
    installation = active(prefix)
    assert table_of(installation) == "strict"
    assert scan_installed(installation, trust_stores).assessment.table == "strict"
    assert scan_installed(installation, trust_stores, rating=Rating("default")).assessment.table == "default"
    path = installation.release.bundle / "verification" / "advisories" / "gate.json"
    path.parent.chmod(0o755)
    path.unlink()
    path.write_bytes(gate.replace(b"strict", b"defaul"))
    with pytest.raises(TrustError, match="differs from the signed file"):
        table_of(installation)


def test_snapshot_is_the_one_brought(site, brought):
    assert scan_installed(*site).snapshot == read_snapshot(brought)
