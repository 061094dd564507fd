from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from bootstrap.cli import main
from bundle.advisories.exceptions import Exceptions, Exemption, Removal
from bundle.digest import sha256_bytes
from bundle.signing.signature import ED25519
from tests.advisories import CRITICAL, RECORDS, aged_snapshot, below, record, replaced, sign_beside, trusting
from tests.installed import make_prefix
from tests.keys import SoftKey
from tests.policies import lay
from tests.schemas import validated

KEY, APPROVER = SoftKey(ED25519), SoftKey(ED25519)
HARMLESS = tuple(one for one in RECORDS if one["id"] != "TEST-1")


@pytest.fixture
def prefix(tmp_path, trust_stores):
    policy, owner = trusting(KEY, APPROVER)
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
    assert "undecided * BAD-1: the record breaks the OSV schema: affected is missing or empty" in shown
    assert run(prefix, "scan", "--json") == 0
    assert validated("advisories", capsys.readouterr().out)["scan"]["undecided"][0]["package"] == "*"


def test_update(tmp_path, trust_stores, capsys):
    policy, owner = trusting(KEY, APPROVER)
    trust_stores.host.mkdir(parents=True)
    lay(trust_stores.host, policy, owner)
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": aged_snapshot(tmp_path, 40, HARMLESS)})
    path = sign_beside(tmp_path / "a.zip", aged_snapshot(tmp_path, 1, HARMLESS), "ragtrace-advisories@v1", KEY)
    assert run(prefix, "update", path) == 0
    shown = capsys.readouterr().out
    assert "In force now: advisories" in shown
    assert f"SHA-256: {sha256_bytes(path.read_bytes())}" in shown
    assert "PASS: 0 known vulnerabilities" in shown
    assert run(prefix, "update", path, "--json") == 0
    found = validated("advisories", capsys.readouterr().out)
    assert not found["update"]["new"]
    assert found["snapshot"]["updated"]
    unsigned = sign_beside(tmp_path / "b.zip", aged_snapshot(tmp_path, 0, HARMLESS), "ragtrace-advisories@v1")
    assert run(prefix, "update", unsigned) == 3
    assert "not signed" in capsys.readouterr().err


def test_an_update_that_has_lost_something(tmp_path, prefix, capsys):
    lost = sign_beside(tmp_path / "a.zip", aged_snapshot(tmp_path, 2, HARMLESS), "ragtrace-advisories@v1", KEY)
    assert run(prefix, "update", lost) == 3
    shown = capsys.readouterr().err
    assert "advisories of earlier ones that apply to installed packages: demo-lib 1.2.0 (TEST-1)" in shown
    assert "Do not use this snapshot" in shown
    withdrawn = tuple({**one, "withdrawn": "2026-01-01T00:00:00Z"} for one in RECORDS if one["id"] == "TEST-1")
    data = aged_snapshot(tmp_path, 1, (*HARMLESS, *withdrawn))
    assert run(prefix, "update", sign_beside(tmp_path / "b.zip", data, "ragtrace-advisories@v1", KEY)) == 1
    assert "withdrawn since sequence" in capsys.readouterr().out
    assert run(prefix, "scan", "--json", "--vex", tmp_path / "vex.json") == 1
    found = validated("advisories", capsys.readouterr().out)
    (finding,) = found["scan"]["findings"]
    assert finding["gone"]["reason"] == "withdrawn"
    (listed,) = json.loads((tmp_path / "vex.json").read_bytes())["vulnerabilities"]
    assert listed["analysis"]["state"] == "in_triage"
    assert main(["trust", "show", "--prefix", str(prefix.root)]) == 0
    assert "demo-app: files for advisories with sequence numbers below" in capsys.readouterr().out
    approve(tmp_path, prefix, Removal("TEST-1", "*", finding["gone"]["last"], "a duplicate", "kim", *DATES))
    capsys.readouterr()
    assert run(prefix, "scan") == 0
    assert "removed demo-lib 1.2.0  TEST-1: a duplicate (kim)" in capsys.readouterr().out
    assert run(prefix, "scan", "--json", "--vex", tmp_path / "vex.json") == 0
    assert len(validated("advisories", capsys.readouterr().out)["scan"]["removed"]) == 1
    (listed,) = json.loads((tmp_path / "vex.json").read_bytes())["vulnerabilities"]
    assert listed["analysis"] == {"state": "false_positive", "detail": "a duplicate (kim)"}


DATES = (datetime(2026, 1, 1, tzinfo=timezone.utc), None)


def approve(tmp_path, prefix, removal):
    """Let the host adopt a reason for which something no longer counts."""
    data = Exceptions(1, (), (removal,)).to_bytes()
    assert run(prefix, "update", sign_beside(tmp_path / "e.json", data, "ragtrace-exceptions@v1", APPROVER)) == 0


def test_wrong_calls(tmp_path, prefix, capsys):
    for words in (["update"], ["scan", "x.zip"]):
        with pytest.raises(SystemExit, match="2"):
            run(prefix, *words)
    assert run(prefix, "update", tmp_path / "none.zip") == 2


CTX = "The project was taken over via user account compromise and replaced with a malicious project"


def installed(tmp_path, *records, **more):
    added = {"advisories/advisories.zip": aged_snapshot(tmp_path, 1, (*HARMLESS, *records)), **more}
    return make_prefix(tmp_path, verification=added)


@pytest.mark.parametrize("table", ["default", "strict"])
def test_malware_without_a_score_fails_by_every_table(tmp_path, trust_stores, capsys, table):
    prefix = installed(tmp_path, record("PYSEC-2022-199", "demo-lib", {"introduced": "0"}, details=CTX))
    assert run(prefix, "scan", "--severity-table", table, "--ignore-until-fixed") == 1
    shown = capsys.readouterr().out
    assert "critical demo-lib 1.2.0  PYSEC-2022-199  no fix known  [malware]" in shown
    assert "1 is malware: demo-lib 1.2.0 (PYSEC-2022-199)" in shown


def test_undecided_malware_fails(tmp_path, trust_stores, capsys):
    prefix = installed(tmp_path, record("MAL-2026-1", "demo-lib", {"introduced": "0"}, {"fixed": "x"}))
    assert run(prefix, "scan", "--json") == 1
    assert validated("advisories", capsys.readouterr().out)["scan"]["undecided"][0]["malware"]


def test_what_is_only_possible_or_unscored_says_so(tmp_path, trust_stores, capsys):
    prefix = installed(tmp_path, record("TEST-9", "demo-lib", *below("1.0"), {"fixed": "2.0"}))
    assert run(prefix, "scan") == 0
    shown = capsys.readouterr().out
    assert "unknown  demo-lib 1.2.0  TEST-9  fixed in 2.0  [possible]" in shown
    assert "1 of 1 is only possible, because its advisory contradicts itself" in shown
    assert "1 of 1 has no score" in shown


def test_findings_that_nothing_fixes_wait_where_the_caller_says_so(tmp_path, trust_stores, capsys):
    prefix = installed(tmp_path, record("TEST-9", "demo-lib", {"introduced": "0"}, vector=CRITICAL))
    assert run(prefix, "scan") == 1
    capsys.readouterr()
    assert run(prefix, "scan", "--ignore-until-fixed", "--sarif", tmp_path / "s.sarif") == 0
    assert "1 without a fixed version is ignored" in capsys.readouterr().out
    (result,) = json.loads((tmp_path / "s.sarif").read_bytes())["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("TEST-9", "warning")
    assert run(prefix, "scan", "--sarif", tmp_path / "none" / "s.sarif") != 0


def test_exceptions_without_effect_are_named(tmp_path, trust_stores, capsys):
    approved = datetime.now(timezone.utc).replace(microsecond=0)
    words = ("inline_mitigations_already_exist", "guarded", "kim")
    until = approved + timedelta(days=30)
    named = (("TEST-9", "demo-lib", "<1.3"), ("TEST-2", "demo-base", "==0.5"), ("TEST-3", "other-thing", ">=0"))
    signed = Exceptions(1, tuple(Exemption(*one, *words, approved, until) for one in named)).to_bytes()
    assert run(installed(tmp_path, **{"advisories/exceptions.json": signed}), "scan") == 0
    shown = capsys.readouterr().out
    assert (
        "The exception for TEST-9 in demo-lib <1.3 has no effect: the advisories contain no such identifier." in shown
    )
    assert "The exception for TEST-3 in other-thing >=0 has no effect: >=0 matches every version" in shown
    assert "1 exception covers nothing here: TEST-2 demo-base ==0.5" in shown


def test_a_catalogue_that_was_tampered_with_is_refused(tmp_path, trust_stores, capsys):
    """The signer wrote a snapshot whose KEV is not what its format says."""
    data = aged_snapshot(tmp_path, 1, HARMLESS)
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": replaced(data, "epss.csv", b"x,y")})
    assert run(prefix, "scan") != 0
    assert "epss.csv[1]: not a comment line with the date of the scores" in capsys.readouterr().err


def test_a_snapshot_with_such_a_catalogue_is_not_adopted(tmp_path, prefix, capsys):
    data = replaced(aged_snapshot(tmp_path, 1, HARMLESS), "kev.json", b"{}")
    assert run(prefix, "update", sign_beside(tmp_path / "a.zip", data, "ragtrace-advisories@v1", KEY)) == 3
    assert "kev.json" in capsys.readouterr().err
    assert run(prefix, "show") == 0
    assert "KEV" not in capsys.readouterr().out


def test_nothing_brought(tmp_path, capsys):
    assert run(make_prefix(tmp_path), "scan") == 4
    assert "advisories update FILE" in capsys.readouterr().err


def test_nothing_active(tmp_path, capsys):
    prefix = make_prefix(tmp_path)
    prefix.current.unlink()
    assert run(prefix, "show") == 4
