from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from bootstrap.cli import main
from bundle.advisories.exceptions import Exceptions, Exemption
from bundle.signing.signature import ED25519
from tests.advisories import RECORDS, aged_snapshot, sign_beside, trusting
from tests.installed import make_prefix
from tests.keys import SoftKey
from tests.policies import lay
from tests.schemas import validated

KEY = SoftKey(ED25519)
HARMLESS = tuple(one for one in RECORDS if one["id"] != "TEST-1")


@pytest.fixture
def prefix(tmp_path, trust_stores):
    policy, owner = trusting(KEY)
    trust_stores.host.mkdir(parents=True)
    lay(trust_stores.host, policy, owner)
    return make_prefix(tmp_path, verification={"advisories/advisories.zip": aged_snapshot(tmp_path, 40)})


def run(prefix, *arguments):
    return main(["advisories", *map(str, arguments), "--prefix", str(prefix.root)])


def test_scan(tmp_path, prefix, capsys):
    assert run(prefix, "scan", "--vex", tmp_path / "vex.json") == 1
    shown = capsys.readouterr().out
    assert "FAIL: 1 known vulnerability in 2 packages" in shown
    assert "high     demo-lib 1.2.0  TEST-1, CVE-2026-0001  fixed in 1.3" in shown
    assert "40 days old" in shown
    assert json.loads((tmp_path / "vex.json").read_bytes())["vulnerabilities"][0]["id"] == "TEST-1"
    assert run(prefix, "scan", "--json", "--severity-table", "strict") == 1
    found = validated("advisories", capsys.readouterr().out)
    assert found["scan"]["table"] == "strict"
    assert found["scan"]["counts"] == {"high": 1}


def test_an_exception_that_has_ended_is_named(tmp_path, trust_stores, capsys):
    approved = datetime(2026, 1, 1, tzinfo=timezone.utc)
    about = ("CVE-2026-0001", "demo-lib", "==1.2.0", "inline_mitigations_already_exist", "guarded", "kim")
    ended = Exceptions(1, (Exemption(*about, approved, approved + timedelta(days=30)),)).to_bytes()
    added = {"advisories/advisories.zip": aged_snapshot(tmp_path, 1), "advisories/exceptions.json": ended}
    assert run(make_prefix(tmp_path, verification=added), "scan") == 1
    assert "not in force, so their findings are counted: CVE-2026-0001 demo-lib (2026-01-31)" in capsys.readouterr().out


def test_show(prefix, capsys):
    assert run(prefix, "show", "--json") == 0
    found = validated("advisories", capsys.readouterr().out)
    assert found["snapshot"]["counts"]["live"] == 7
    assert not found["snapshot"]["updated"]
    assert "scan" not in found


def test_what_was_set_aside_is_named(tmp_path, trust_stores, capsys):
    broken = (*HARMLESS, {**RECORDS[0], "id": "BAD-1", "affected": []})
    added = {"advisories/advisories.zip": aged_snapshot(tmp_path, 1, broken)}
    prefix = make_prefix(tmp_path, verification=added)
    assert run(prefix, "show") == 0
    assert "set aside BAD-1" in capsys.readouterr().out
    assert run(prefix, "scan") == 0
    assert "WARN: 0 known vulnerabilities" in (shown := capsys.readouterr().out)
    assert "undecided *  BAD-1: the record breaks the OSV schema: affected is missing or empty" in shown
    assert run(prefix, "scan", "--json") == 0
    assert validated("advisories", capsys.readouterr().out)["scan"]["undecided"][0]["package"] == "*"


def test_update(tmp_path, prefix, capsys):
    path = sign_beside(tmp_path / "a.zip", aged_snapshot(tmp_path, 1, HARMLESS), "ragtrace-advisories@v1", KEY)
    assert run(prefix, "update", path) == 0
    shown = capsys.readouterr().out
    assert "In force now: advisories" in shown
    assert "PASS: 0 known vulnerabilities" in shown
    assert run(prefix, "update", path, "--json") == 0
    found = validated("advisories", capsys.readouterr().out)
    assert not found["update"]["new"]
    assert found["snapshot"]["updated"]
    unsigned = sign_beside(tmp_path / "b.zip", aged_snapshot(tmp_path, 0, HARMLESS), "ragtrace-advisories@v1")
    assert run(prefix, "update", unsigned) == 3
    assert "not signed" in capsys.readouterr().err


def test_wrong_calls(tmp_path, prefix, capsys):
    for words in (["update"], ["scan", "x.zip"]):
        with pytest.raises(SystemExit, match="2"):
            run(prefix, *words)
    assert run(prefix, "update", tmp_path / "none.zip") == 2


def test_nothing_brought(tmp_path, capsys):
    assert run(make_prefix(tmp_path), "scan") == 4
    assert "advisories update FILE" in capsys.readouterr().err


def test_nothing_active(tmp_path, capsys):
    prefix = make_prefix(tmp_path)
    prefix.current.unlink()
    assert run(prefix, "show") == 4
