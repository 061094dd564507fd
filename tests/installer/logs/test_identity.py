from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap import cli
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from installer.logs import identity as identities
from installer.release.receipt import read_receipt
from shared.errors import UsageError
from tests.helpers import install, install_opened, opened
from tests.installed import make_prefix
from validator.report import parse_report

ROOT = Path(__file__).resolve().parents[3]


def called(capsys, *arguments: object) -> dict:
    code = cli.main([*map(str, arguments), "--json", "--quiet"])
    out = capsys.readouterr().out
    assert code in (0, 1), out
    return json.loads(out)


def on_host(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the tool on a host of another name on this machine: in a UTS namespace of its own."""
    script = 'hostname "$1" && shift && exec "$@"'
    command = [sys.executable, "-m", "bootstrap.cli", *map(str, arguments)]
    return subprocess.run(
        ["unshare", "--uts", "sh", "-c", script, "sh", name, *command],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_four_installations_on_one_machine_are_four(tiny, tmp_path, host, capsys) -> None:
    found = []
    for name in ("1", "2", "3", "4"):
        install(tiny, Prefix(tmp_path / name))
        found.append(identities.identity_of(Prefix(tmp_path / name)))
    assert len({identity.installation for identity in found}) == 4
    assert not any(one.is_same_host(other) for one, other in combinations(found, 2))
    assert read_receipt(Prefix(tmp_path / "1").active()).identity == found[0]
    diagnosis = tmp_path / "diagnosis.json"
    cli.main(["validate", "--check", "system.memory", "--prefix", str(tmp_path / "1"), "--output", str(diagnosis)])
    assert parse_report(diagnosis.read_bytes()).identity == found[0]
    capsys.readouterr()
    assert cli.main(["recover", str(diagnosis), "--dry-run", "--prefix", str(tmp_path / "2")]) == 2
    assert "made on another host" in capsys.readouterr().err
    assert cli.main(["recover", str(diagnosis), "--dry-run", "--prefix", str(tmp_path / "1")]) == 0


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="UTS namespaces take root")
def test_a_copied_prefix_on_a_host_of_another_name_is_another(tmp_path, host) -> None:
    prefix = make_prefix(tmp_path).root
    names = ("plc-1", "plc-2", "PLC-1")
    reports = [on_host(name, "validate", "--check", "system.memory", "--prefix", prefix, "--json") for name in names]
    one, two, again = (parse_report(ran.stdout.encode()).identity for ran in reports)
    assert (one.hostname, two.hostname) == ("plc-1", "plc-2")
    assert (one.machine_id, one.installation) == (two.machine_id, two.installation)
    assert not one.is_same_host(two)
    assert one.is_same_host(again)  # names of hosts know no case
    diagnosis = tmp_path / "diagnosis.json"
    diagnosis.write_text(reports[0].stdout)
    assert "another host" in on_host("plc-2", "recover", diagnosis, "--dry-run", "--prefix", prefix).stderr
    assert on_host("plc-1", "recover", diagnosis, "--dry-run", "--prefix", prefix).returncode == 0


def test_the_asset_name_is_stored_shown_and_logged(tiny, tmp_path, host, trust_stores, capsys) -> None:
    prefix = Prefix(tmp_path / "prefix")
    given = [tiny.folder, "--prefix", prefix.root, "--trust-key", tiny.key]
    called(capsys, "install", *given, "--asset", " 3공장/라인2 #07 ")
    status = called(capsys, "status", "--prefix", prefix.root)["identity"]
    assert status["asset"] == "3공장/라인2 #07"
    assert read_receipt(prefix.active()).identity.to_json() == status
    cli.main(["status", "--prefix", str(prefix.root)])
    assert "3공장/라인2 #07" in capsys.readouterr().out
    assert [entry["asset"] for entry in audit_log.entries(prefix) if entry["action"] == "asset"] == ["3공장/라인2 #07"]
    # a repeated installation renames, a validation too, and none that names nothing
    assert called(capsys, "install", *given, "--asset", "B")["already"]
    assert called(capsys, "status", "--prefix", prefix.root)["identity"] == {**status, "asset": "B"}
    only = ("--check", "system.memory", "--prefix", prefix.root)
    assert called(capsys, "validate", *only, "--asset", "C")["identity"]["asset"] == "C"
    called(capsys, "install", *given)
    assert called(capsys, "validate", *only)["identity"]["asset"] == "C"
    assert called(capsys, "validate", *only, "--asset", "")["identity"]["asset"] is None
    assert called(capsys, "status", "--prefix", prefix.root)["identity"]["asset"] is None
    assert audit_log.verify(prefix)[0] == len(audit_log.entries(prefix))


def test_a_host_without_installation_is_named_in_its_report(host, capsys, monkeypatch) -> None:
    monkeypatch.chdir(host)
    found = called(capsys, "validate", "--check", "system.memory", "--asset", "HMI-7")["identity"]
    assert (found["asset"], found["installation"]) == ("HMI-7", None)


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", "x" * 101])
def test_what_is_no_asset_name_is_refused(name, host, capsys) -> None:
    with pytest.raises(UsageError):
        identities.asset_name(name)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["validate", "--asset", name])
    assert "is not an asset name" in capsys.readouterr().err


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.text(max_size=identities.ASSET_LIMIT) | st.just("가" * identities.ASSET_LIMIT))
def test_any_name_that_is_accepted_is_read_again(tmp_path, name) -> None:
    prefix = Prefix(tmp_path)
    prefix.state.mkdir(exist_ok=True)
    try:
        accepted = identities.asset_name(name)
    except UsageError:
        return
    identities.settle(prefix, accepted)
    identity = identities.identity_of(prefix)
    assert identity.asset == (accepted or None)
    assert identities.Identity.from_json(json.loads(json.dumps(identity.to_json())), "identity") == identity


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format": 1, "installation": "a\\nb"}', b"\xff" * 100, None])
def test_a_damaged_identity_stops_nothing_and_is_made_anew(data, tiny, tmp_path, host) -> None:
    prefix = make_prefix(tmp_path)
    path = identities.path_in(prefix)
    path.unlink()
    if data is None:
        os.mkfifo(path)
    else:
        path.write_bytes(data)
    assert identities.identity_of(prefix).installation is None
    identities.settle(prefix)
    assert identities.identity_of(prefix).installation


def test_a_receipt_of_a_former_installer_has_none(tmp_path) -> None:
    from installer.release import receipt

    value = read_receipt(make_prefix(tmp_path).active())
    former = json.loads(value.to_bytes())
    del former["identity"]
    assert receipt.parse(json.dumps(former).encode(), "receipt") == replace(value, identity=None)


def test_a_failed_first_installation_leaves_none(tiny, tmp_path, host, monkeypatch) -> None:
    prefix = Prefix(tmp_path / "prefix")
    monkeypatch.setattr("installer.install.install.activate", lambda *_given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        install_opened(opened(tiny), prefix)
    assert not identities.path_in(prefix).exists()
    shutil.rmtree(prefix.root)
