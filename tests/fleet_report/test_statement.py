"""Statements: what is written is read, within the limit, and ssh-keygen verifies it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace

import pytest

from fleet import statement
from fleet.enrolled import principal
from fleet.statement import LIMIT, NAMESPACES, RECEIPT, REPORT, ReportFacts
from shared.errors import TrustError
from tests.fleet_report import made
from tests.fleet_report.made import Host, enroll


@pytest.mark.parametrize("facts", [made.REPORT, made.GOOD, made.RECEIPT_FACTS])
@pytest.mark.parametrize("installed", [made.INSTALLED, None])
def test_what_is_written_is_read(facts, installed) -> None:
    said = Host("host-1").says(7, facts, installed=installed, nonce="n-1", machine_id=None)
    assert statement.parse(said.to_bytes(), "x.json", said.kind) == said


def test_it_is_an_in_toto_statement() -> None:
    value = json.loads(Host("host-1").says().to_bytes())
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == "urn:ragtrace:report:v1"
    assert [subject["name"] for subject in value["subject"]] == ["report.json", "MANIFEST.json"]


def test_one_that_is_too_long_leaves_out_its_least_urgent_problems() -> None:
    many = tuple(replace(made.PROBLEM, check_id=f"c.{number}", details="문" * 300) for number in range(200))
    data = Host("host-1").says(facts=replace(made.REPORT, problems=many)).to_bytes()
    read = statement.parse(data, "x.json", REPORT).facts
    assert isinstance(read, ReportFacts)
    assert len(data) <= LIMIT
    assert read.problems == many[: len(read.problems)]
    assert 20 < len(read.problems) == 200 - read.left_out


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1", "_type: not an in-toto statement"),
        (("predicateType",), "https://slsa.dev/provenance/v1", "predicateType: not urn:ragtrace:report:v1"),
        (("predicateType",), "urn:ragtrace:receipt:v1", "predicateType: not urn:ragtrace:report:v1"),
        (("predicate", "origin", "sequence"), 0, "sequence: not between 1"),
        (("predicate", "origin", "sequence"), True, "sequence: not an integer"),
        (("predicate", "origin", "asset"), "a\x1b[2J", "asset: contains a control character"),
        (("predicate", "origin", "asset"), "a" * 300, "asset: longer than"),
        (("predicate", "origin", "more"), 1, "more: unknown key"),
        (("predicate", "report", "status"), "FINE", "status: not one of"),
        (("predicate", "report", "counts"), {"PASS": -1}, "counts.PASS: not between"),
        (("predicate", "report", "problems"), [{}], r"problems\[0\].check: missing"),
        (("subject",), [{"name": "other", "digest": {"sha256": "0" * 64}}], "subject: does not name report.json"),
    ],
)
def test_anything_else_is_refused_by_its_path(where, value, message) -> None:
    whole = json.loads(Host("host-1").says().to_bytes())
    inside = whole
    for key in where[:-1]:
        inside = inside[key]
    inside[where[-1]] = value
    with pytest.raises(TrustError, match=message):
        statement.parse(json.dumps(whole).encode(), "x.json", REPORT)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
@pytest.mark.parametrize("asset", ["host-1", "자산 7, *?! 100%"])
@pytest.mark.parametrize(("kind", "facts"), [(REPORT, made.REPORT), (RECEIPT, made.RECEIPT_FACTS)])
def test_ssh_keygen_verifies_it(tmp_path, asset, kind, facts) -> None:
    host = Host(asset)
    path = host.put(tmp_path, host.says(facts=facts), name="statement")
    keys = enroll(tmp_path / "allowed_signers", Host("another"), host)

    def verified(name: str, namespace: str) -> bool:
        argv = ["ssh-keygen", "-Y", "verify", "-f", str(keys), "-I", name, "-n", namespace, "-s", f"{path}.sig"]
        done = subprocess.run(argv, input=path.read_bytes(), capture_output=True, check=False)
        return done.returncode == 0

    assert verified(principal(asset), NAMESPACES[kind])
    assert not verified("another", NAMESPACES[kind])
    assert not verified(principal(asset), NAMESPACES[RECEIPT if kind == REPORT else REPORT])
    path.write_bytes(path.read_bytes().replace(b'"sequence": 1', b'"sequence": 2'))
    assert not verified(principal(asset), NAMESPACES[kind])
