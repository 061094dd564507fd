from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from builder.advisories.announce import announce_unused
from builder.advisories.gate import GateRequest, gate_members, read_knowledge, refuse, run_gate
from bundle.advisories import safety
from bundle.advisories.exceptions import Exceptions, Exemption
from bundle.advisories.matcher import Installed, scan
from bundle.advisories.severity import GATES
from bundle.advisories.snapshot import Snapshot, read_snapshot
from bundle.manifest import Product
from bundle.signing.signature import ED25519
from shared.errors import BuildError, ToolError, TrustError
from shared.terminal.progress import NoProgress
from tests.advisories import HIGH, RECORDS, aged_snapshot, below, record, sign_beside, trusting, without_records
from tests.keys import SoftKey

APPROVER = SoftKey(ED25519)
POLICY, _OWNER = trusting(SoftKey(ED25519), APPROVER)
PRODUCT = Product("demo-app", "Demo-App", "1.0.0", 7)
HARMLESS = tuple(one for one in RECORDS if one["id"] != "TEST-1")


class Told(NoProgress):
    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture(autouse=True)
def answers(monkeypatch):
    """Let safety answer as the matcher does, but for what a test changes."""
    change: dict[str, Any] = {"drop": set(), "blind": ()}

    def second_opinion(python, snapshot, installed, *, limit):
        hits = scan(snapshot.index, [Installed(*one) for one in installed]).hits
        return safety.Opinion(frozenset(hits - change["drop"]), change["blind"])

    monkeypatch.setattr(safety, "second_opinion", second_opinion)
    return change


@pytest.fixture
def gate(tmp_path):
    def run(records=RECORDS, *, days=1.0, version="1.2.0", told=None, **more):
        path = tmp_path / "advisories.zip"
        path.write_bytes(aged_snapshot(tmp_path, days, records))
        packages = [Installed("demo-lib", version), Installed("demo-base", "2.0.1")]
        knowledge = read_knowledge(GateRequest(path, **more), POLICY)
        assessment = run_gate(knowledge, packages, Path("python"), told or NoProgress())
        refuse(knowledge, assessment)
        found = gate_members(knowledge, assessment, PRODUCT, 1_700_000_000)
        return {item.entry.path.rpartition("/")[2]: item.content for item in found}

    return run


def test_nothing_known(gate):
    members = gate(HARMLESS)
    assert set(members) == {"advisories.zip", "gate.json", "vex.cdx.json"}
    found = json.loads(members["gate.json"])
    assert (found["fail_on"], found["table"], found["findings"]) == ("high", "default", [])
    assert found["snapshot"]["sha256"] == read_snapshot(members["advisories.zip"]).sha256
    assert found["scanners"] == ["ragtrace", "records", "safety"]
    assert json.loads(members["vex.cdx.json"])["vulnerabilities"] == []


def test_the_same_inputs_give_the_same_members(gate, tmp_path, monkeypatch):
    data = aged_snapshot(tmp_path, 1, HARMLESS)
    monkeypatch.setattr("tests.builder.advisories.test_gate.aged_snapshot", lambda *_arguments: data)
    assert gate(HARMLESS) == gate(HARMLESS)


@pytest.mark.parametrize(
    ("level", "passes"), [("never", True), ("critical", True), ("high", False), ("medium", False), ("any", False)]
)
def test_levels(gate, level, passes):
    if passes:
        assert json.loads(gate(fail_on=level)["gate.json"])["counts"] == {"high": 1}
        return
    with pytest.raises(BuildError, match=r"demo-lib 1\.2\.0 \(TEST-1, high\)"):
        gate(fail_on=level)


def test_what_has_no_score_fails_only_when_asked(gate):
    records = (*HARMLESS, record("TEST-9", "demo-lib", {"introduced": "0"}))
    reported = Told()
    assert gate(records, fail_on="low", told=reported)
    assert any("unknown" in text and "TEST-9" in text for text in reported.warnings)
    with pytest.raises(BuildError, match="TEST-9"):
        gate(records, fail_on="any")


def test_scanners_that_disagree(gate, answers):
    answers["drop"] = {("demo-lib", "1.2.0", "TEST-1")}
    with pytest.raises(BuildError, match=r"demo-lib 1\.2\.0 TEST-1 \(found by the matcher only\)"):
        gate(fail_on="never")


def test_an_index_and_records_that_disagree(gate, monkeypatch):
    key = ("demo-lib", "1.2.0", "TEST-1")
    monkeypatch.setattr(Snapshot, "evaluate", lambda _self, _installed: {key: "affected"})
    with pytest.raises(BuildError, match=r"disagree: demo-lib 1\.2\.0 TEST-1 \(matcher: clear; the record itself: aff"):
        gate(HARMLESS)


def test_what_a_record_decides_and_the_index_does_not_is_told(gate):
    limited = record("TEST-9", "demo-lib", {"introduced": "1.0"}, {"limit": "2.0"})
    reported = Told()
    gate((*HARMLESS, limited), told=reported)
    assert any("Decided by the record" in text and "TEST-9" in text for text in reported.warnings)


def test_a_snapshot_without_records_is_told(gate, monkeypatch):
    aged = aged_snapshot
    monkeypatch.setitem(globals(), "aged_snapshot", lambda *arguments: without_records(aged(*arguments)))
    reported = Told()
    found = json.loads(gate(HARMLESS, told=reported)["gate.json"])
    assert found["scanners"] == ["ragtrace", "safety"]
    assert any("format 1" in text for text in reported.warnings)


def test_a_blind_second_scanner(gate, answers):
    answers["blind"] = ("demo 1.0 (X)",)
    with pytest.raises(BuildError, match=r"demo 1\.0"):
        gate(HARMLESS)


def test_a_second_scanner_that_does_not_run(gate, monkeypatch):
    def broken(*_arguments, **_more):
        raise ToolError("safety cannot be run: why")

    monkeypatch.setattr(safety, "second_opinion", broken)
    with pytest.raises(BuildError, match="safety cannot be run"):
        gate(HARMLESS)


def test_a_blind_matcher(gate, monkeypatch):
    monkeypatch.setattr("builder.advisories.gate.load_snapshot", lambda path: blinded(path.read_bytes()))

    def blinded(data):
        monkeypatch.setattr(Snapshot, "blind_spots", lambda _self: iter(["demo 1.0 (X)"]))
        return read_snapshot(data)

    with pytest.raises(BuildError, match=r"wrong results for these known versions: demo 1\.0"):
        gate(HARMLESS)


@pytest.mark.parametrize(("days", "words"), [(31, "31 days old"), (-3, "in the future")])
def test_age_is_told(gate, days, words):
    reported = Told()
    gate(HARMLESS, days=days, told=reported)
    assert any(words in text for text in reported.warnings)


def test_doubts_are_told(gate):
    reported = Told()
    gate((*HARMLESS, record("TEST-9", "demo-lib", {"introduced": "0"}, {"fixed": "x"})), told=reported)
    assert any("Undecided: demo-lib 1.2.0 TEST-9" in text for text in reported.warnings)


def exceptions(tmp_path, *keys, ago=0):
    approved = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=ago)
    exemption = Exemption(
        *("TEST-1", "demo-lib", "<1.3", "vulnerable_code_not_present", "not built in", "kim"),
        approved,
        approved + timedelta(days=10),
    )
    data = Exceptions(3, (exemption,)).to_bytes()
    return sign_beside(tmp_path / "e.json", data, "ragtrace-exceptions@v1", *keys)


def test_exceptions(gate, tmp_path):
    members = gate(exceptions=exceptions(tmp_path, APPROVER))
    assert set(members) == {"advisories.zip", "exceptions.json", "gate.json", "vex.cdx.json"}
    found = json.loads(members["gate.json"])
    assert found["exceptions"] == 3
    assert found["excepted"][0]["exception"]["approver"] == "kim"
    (vulnerability,) = json.loads(members["vex.cdx.json"])["vulnerabilities"]
    assert vulnerability["analysis"]["state"] == "not_affected"


def test_exceptions_that_have_ended(gate, tmp_path):
    reported = Told()
    with pytest.raises(BuildError, match="TEST-1"):
        gate(exceptions=exceptions(tmp_path, APPROVER, ago=11), told=reported)
    assert any("is not in force" in text for text in reported.warnings)


def test_exceptions_that_nobody_may_sign(gate, tmp_path):
    with pytest.raises(TrustError, match="not signed"):
        gate(exceptions=exceptions(tmp_path))
    with pytest.raises(TrustError, match="untrusted key"):
        gate(exceptions=exceptions(tmp_path, SoftKey(ED25519)))


CTX = "The ctx hosted project on PyPI was taken over via user account compromise and replaced with a malicious project"
MALWARE = (*HARMLESS, record("PYSEC-2022-199", "demo-lib", {"introduced": "0"}, details=CTX))


@pytest.mark.parametrize("level", [level for level in GATES if level != "never"])
def test_malware_without_a_score_fails_at_every_level(gate, level):
    for until_fixed in (False, True):
        with pytest.raises(BuildError, match=r"demo-lib 1\.2\.0 \(PYSEC-2022-199, critical \[malware\]\)"):
            gate(MALWARE, fail_on=level, until_fixed=until_fixed)


def test_malware_is_named_where_nothing_fails(gate):
    reported = Told()
    found = json.loads(gate(MALWARE, fail_on="never", told=reported)["gate.json"])
    assert found["findings"][0]["malware"]
    assert "Known vulnerabilities: 1 is malware: demo-lib 1.2.0 (PYSEC-2022-199)." in reported.warnings


def test_malware_that_is_undecided_fails_at_every_level(gate):
    records = (*HARMLESS, record("MAL-2026-1", "demo-lib", {"introduced": "0"}, {"fixed": "x"}))
    with pytest.raises(BuildError, match=r"undecided whether .* are malware: demo-lib 1\.2\.0 \(MAL-2026-1"):
        gate(records, fail_on="critical")
    assert gate(records, fail_on="never")


def test_findings_that_nothing_fixes(gate):
    records = (*HARMLESS, record("TEST-9", "demo-lib", {"introduced": "0"}, vector=HIGH))
    with pytest.raises(BuildError, match="TEST-9"):
        gate(records)
    reported = Told()
    found = json.loads(gate(records, until_fixed=True, told=reported)["gate.json"])
    assert found["unfixed_ignored"] == ["TEST-9 demo-lib 1.2.0"]
    assert any("1 without a fixed version is ignored" in text for text in reported.warnings)


def test_what_is_only_possible_is_told_as_possible(gate):
    records = (*HARMLESS, record("TEST-9", "demo-lib", *below("1.0"), {"fixed": "2.0"}))
    reported = Told()
    gate(records, told=reported)
    wanted = "Known vulnerability (unknown): demo-lib 1.2.0: TEST-9; fixed in 2.0 [possible]"
    assert wanted in reported.warnings
    assert any("1 of 1 is only possible" in text for text in reported.warnings)
    assert any("1 of 1 has no score" in text for text in reported.warnings)


def test_exceptions_without_effect_are_told(gate, tmp_path):
    approved = datetime.now(timezone.utc).replace(microsecond=0)
    words = ("vulnerable_code_not_present", "not built in", "kim", approved, approved + timedelta(days=10))
    wide, none = Exemption("TEST-1", "demo-lib", ">=0", *words), Exemption("CVE-1999-1", "demo-lib", "<1.3", *words)
    path = sign_beside(tmp_path / "e.json", Exceptions(3, (wide, none)).to_bytes(), "ragtrace-exceptions@v1", APPROVER)
    reported = Told()
    gate(exceptions=path, told=reported)
    assert sum("has no effect" in text for text in reported.warnings) == 2
    assert any("matches every version" in text for text in reported.warnings)
    assert any("contain no such identifier" in text for text in reported.warnings)


def test_exceptions_that_cover_nothing_of_any_target_are_told(gate, tmp_path):
    """One covers a finding of one target only: it has its use."""
    reported = Told()
    path = exceptions(tmp_path, APPROVER)
    (tmp_path / "advisories.zip").write_bytes(aged_snapshot(tmp_path, 1))
    knowledge = read_knowledge(GateRequest(tmp_path / "advisories.zip", path), POLICY)
    used, unused = (knowledge.assess(knowledge.scan([Installed("demo-lib", one)])) for one in ("1.2.0", "1.3"))
    announce_unused([used, unused], reported)
    assert reported.warnings == []
    announce_unused([unused, unused], reported)
    assert reported.warnings == ["1 exception covers nothing here: TEST-1 demo-lib <1.3."]
