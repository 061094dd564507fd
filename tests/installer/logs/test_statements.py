"""The way of a statement: a key on the host, enrolled in the centre, what is said with it, and what a copy may not."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import api, cli
from fleet.statement import NAMESPACES
from installer.layout.prefix import Prefix
from installer.logs import audit_log, identity
from installer.logs import statement_key as keys
from shared.errors import HostError, TrustError, UsageError
from shared.files import files
from tests.schemas import problems, validated

pytestmark = pytest.mark.usefixtures("host")
ROOT = Path(__file__).resolve().parents[3]


def called(capsys, *arguments, code: int = 0) -> dict:
    capsys.readouterr()
    assert cli.main([*map(str, arguments), "--json", "--quiet"]) == code
    schema = {"report": "fleet", "enroll": "fleet-enroll"}.get(arguments[1], "statement")
    schema = schema if arguments[0] == "fleet" else "statement"
    out = capsys.readouterr().out
    return validated("error" if out.startswith('{\n  "error"') else schema, out)


@pytest.fixture
def centre(tmp_path):
    folder = tmp_path / "centre"
    (folder / "statements").mkdir(parents=True)
    return folder


def enroll(capsys, prefix, centre, *options, code: int = 0) -> dict:
    offered = centre / "key.json"
    offered.write_text(json.dumps(called(capsys, "statement", "key", "--prefix", prefix.root)))
    return called(
        capsys, "fleet", "enroll", offered, "--allowed-signers", centre / "allowed_signers", *options, code=code
    )


def state(capsys, prefix, centre, kind, *options) -> dict:
    where = ("--prefix", prefix.root, "--output", centre / "statements")
    return called(capsys, "statement", kind, *where, *options)


def table(capsys, centre, *options, code: int) -> dict:
    keys_of_hosts = ("--allowed-signers", centre / "allowed_signers")
    return called(capsys, "fleet", "report", centre / "statements", *keys_of_hosts, *options, code=code)


def test_from_the_key_to_the_table(capsys, prefix, centre) -> None:
    assert enroll(capsys, prefix, centre)["enrolled"][0]["asset"] == identity.identity_of(prefix).hostname
    first = state(capsys, prefix, centre, "receipt", "--nonce", "n-1")
    second = state(capsys, prefix, centre, "report", "--nonce", "n-1")
    assert (first["sequence"], second["sequence"]) == (1, 2)
    found = table(capsys, centre, "--nonce", "n-1", "--product", "tiny-app", code=1 if _is_critical(second) else 0)
    (row,) = found["hosts"]
    assert (row["product"], row["version"], row["sequence"]) == (
        "tiny-app",
        prefix.active().manifest().product.version,
        2,
    )
    assert (row["release"], row["prefix"]) == (prefix.active().id, str(prefix.root))
    assert row["installation"] == identity.read(prefix).installation
    assert row["audit_head"] == audit_log.head(prefix)
    assert row["installed"]
    assert row["counts"]["PASS"] > 5
    assert (found["refused"], found["absent"]) == ([], [])
    assert table(capsys, centre, "--nonce", "n-2", code=3)["refused"][0]["kind"] == "other-nonce"


def _is_critical(written) -> bool:
    return '"status": "CRITICAL"' in Path(written["path"]).read_text()


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_ssh_keygen_knows_the_key_and_verifies_the_statement(capsys, prefix, centre) -> None:
    found = called(capsys, "statement", "key", "--prefix", prefix.root)
    private = keys.folder(prefix) / "key"
    shown = subprocess.run(["ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=True).stdout
    assert " ".join(shown.split()[:2]) == found["public_key"]
    enroll(capsys, prefix, centre)
    written = Path(state(capsys, prefix, centre, "receipt")["path"])
    argv = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        centre / "allowed_signers",
        "-I",
        found["asset"],
        "-s",
        f"{written}.sig",
    ]
    done = subprocess.run([*argv, "-n", NAMESPACES["receipt"]], input=written.read_bytes(), check=False)
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_key_is_the_owners_alone_and_goes_with_the_installation(capsys, prefix) -> None:
    assert called(capsys, "statement", "key", "--prefix", prefix.root)["made"]
    assert not called(capsys, "statement", "key", "--prefix", prefix.root)["made"]
    place = keys.folder(prefix)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "key").stat().st_mode) == 0o600
    assert [entry["action"] for entry in audit_log.entries(prefix)].count("statement-key") == 1
    assert prefix.exists
    (place / "key").chmod(0o644)
    with pytest.raises(HostError, match="can read"):
        api.state_receipt(prefix.root)
    (place / "key").chmod(0o600)
    assert cli.main(["uninstall", "--prefix", str(prefix.root), "--yes", "--quiet"]) == 0
    assert not place.exists()


def test_a_copied_prefix_has_to_have_a_key_of_its_own(capsys, prefix, centre, tmp_path) -> None:
    enroll(capsys, prefix, centre)
    state(capsys, prefix, centre, "receipt")
    shutil.copytree(prefix.root, tmp_path / "copy", symlinks=True)
    copy = Prefix(tmp_path / "copy")
    assert called(capsys, "statement", "receipt", "--prefix", copy.root, code=3)["error"]["advice"].startswith(
        "Run 'st"
    )
    renewed = called(capsys, "statement", "key", "--renew", "--prefix", copy.root)
    assert renewed["made"]
    enroll(capsys, copy, centre)
    state(capsys, copy, centre, "receipt")
    assert [row["prefix"] for row in table(capsys, centre, code=0)["hosts"]] == sorted(
        [str(prefix.root), str(copy.root)]
    )


def test_a_key_on_another_host_is_refused_there(prefix, monkeypatch) -> None:
    api.statement_key(prefix.root)
    monkeypatch.setattr("installer.logs.host.machine_id", lambda: "0123456789abcdef")
    with pytest.raises(TrustError, match="made for another host"):
        api.statement_key(prefix.root)
    assert api.statement_key(prefix.root, renew=True).made


def test_a_clone_that_looks_the_same_is_found_by_the_centre(capsys, prefix, centre) -> None:
    enroll(capsys, prefix, centre)
    state(capsys, prefix, centre, "receipt")
    before = (keys.folder(prefix) / "last.json").read_bytes()
    state(capsys, prefix, centre, "receipt", "--output", centre / "statements" / "host.json")
    (keys.folder(prefix) / "last.json").write_bytes(before)  # as a clone of that moment goes on
    state(capsys, prefix, centre, "receipt", "--nonce", "other", "--output", centre / "statements" / "clone.json")
    assert {one["kind"] for one in table(capsys, centre, code=3)["refused"]} == {"cloned"}


def test_a_lost_number_is_not_begun_again(prefix) -> None:
    api.state_receipt(prefix.root)
    (keys.folder(prefix) / "last.json").unlink()
    with pytest.raises(TrustError, match="copy"):
        api.state_receipt(prefix.root)


def test_the_ssh_host_key_in_its_place(capsys, prefix, centre, tmp_path) -> None:
    path = tmp_path / "ssh_host_ed25519_key"
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    found = called(capsys, "statement", "key", "--prefix", prefix.root, "--host-key", path)
    assert found["public_key"] == " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])
    (centre / "allowed_signers").write_text(found["allowed_signers"] + "\n")
    state(capsys, prefix, centre, "receipt", "--host-key", path)
    assert table(capsys, centre, code=0)["hosts"][0]["keyid"] == found["keyid"]
    assert not (keys.folder(prefix) / "key").exists()
    path.chmod(0o644)
    with pytest.raises(UsageError, match="can read"):
        api.statement_key(prefix.root, host_key=path)
    path.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", path], check=True)
    with pytest.raises(HostError, match="without a passphrase"):
        api.statement_key(prefix.root, host_key=path)


def test_a_report_of_another_host_is_not_stated(capsys, prefix, tmp_path) -> None:
    written = tmp_path / "report.json"
    cli.main(["validate", "--quick", "--prefix", str(prefix.root), "--output", str(written), "--quiet"])
    facts = called(capsys, "statement", "report", "--prefix", prefix.root, "--report", written)
    said = json.loads(facts["statement"])
    assert (said["predicate"]["report"]["effort"], problems("statement-file", said)) == ("quick", [])
    report = json.loads(written.read_text())
    report["identity"]["hostname"] = "another-host"
    written.write_text(json.dumps(report))
    assert (
        "another host"
        in called(capsys, "statement", "report", "--prefix", prefix.root, "--report", written, code=2)["error"]["what"]
    )


@pytest.mark.parametrize("nonce", ["two words", "줄", "x" * 129, "a\nb"])
def test_a_nonce_is_one_word(prefix, nonce) -> None:
    with pytest.raises(UsageError, match="nonce"):
        api.state_receipt(prefix.root, nonce=nonce)


def test_enrolling_finds_a_key_of_two_assets(capsys, prefix, centre) -> None:
    enroll(capsys, prefix, centre)
    assert enroll(capsys, prefix, centre)["already"] == 1
    identity.set_asset(prefix, "자산 7")
    before = (centre / "allowed_signers").read_bytes()
    error = enroll(capsys, prefix, centre, code=3)["error"]
    assert "one of them is a copy" in error["what"]
    assert (centre / "allowed_signers").read_bytes() == before
    api.statement_key(prefix.root, renew=True)
    assert enroll(capsys, prefix, centre)["enrolled"][0]["asset"] == "자산 7"
    api.statement_key(prefix.root, renew=True)
    enroll(capsys, prefix, centre, "--replace")
    lines = (centre / "allowed_signers").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [identity.identity_of(prefix).hostname, "자산%207"]


def test_the_number_survives_a_kill_between_number_and_statement(prefix, monkeypatch) -> None:
    api.state_receipt(prefix.root)
    before = files.write_atomic

    def killed(path, data, **options):
        before(path, data, **options)
        if path.name == "last.json":
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_atomic", killed)
    with pytest.raises(KeyboardInterrupt):
        api.state_receipt(prefix.root)
    monkeypatch.undo()
    assert api.state_receipt(prefix.root).statement.origin.sequence == 3
