"""A diagnosis comes from anywhere: it is read strictly, and nothing of it becomes a path or a command."""

from __future__ import annotations

import json
import os

import pytest

from bootstrap import api
from recovery.inspection.reported import read_diagnosis
from shared.errors import TrustError, UsageError
from shared.terminal.progress import NoProgress
from validator import report as reports
from validator.registry import CHECKS
from validator.runner import Selection, run_checks, select
from validator.subject import subject_of


def validated(host):
    subject = subject_of(host.prefix)
    chosen = select(CHECKS, Selection(ids=("packages.record", "security.integrity", "ragtrace.release")))
    return json.loads(reports.to_bytes(reports.make_report(subject, run_checks(subject, chosen, NoProgress()))))


def written(tmp_path, value):
    path = tmp_path / "diagnosis.json"
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def test_a_report_of_this_release_leads_to_the_repair(host, tmp_path):
    (host.site / "tiny_lib" / "more.py").unlink()
    report = read_diagnosis(written(tmp_path, validated(host)))
    assert report.overall_status == "CRITICAL"
    assert host.recover(report=report).plan.packages == {"tiny-lib"}


def test_problems_that_are_gone_are_said_to_be_gone(host, tmp_path):
    file = host.site / "tiny_lib" / "more.py"
    data = file.read_bytes()
    file.unlink()
    report = read_diagnosis(written(tmp_path, validated(host)))
    file.write_bytes(data)
    file.chmod(0o444)
    plan = host.plan(report=report)
    assert plan.remedies == ()
    assert any("no longer exist" in note for note in plan.notes)


def test_a_failure_that_no_damage_explains_is_said_to_be_none_of_ours(host, tmp_path, monkeypatch):
    # as where a shared library of the host's is missing
    lacking = tmp_path / "sh"
    lacking.write_text("#!/bin/sh\necho libgomp.so.1 is missing >&2; exit 127\n")
    lacking.chmod(0o755)
    monkeypatch.setattr("validator.trials.trial.SHELL", str(lacking))
    report = api.validate(host.prefix.root, checks=["ragtrace.cli"])
    (failed,) = report.results
    assert (failed.status, failed.remedy) == ("FAIL", "operator")
    plan = host.plan(report=read_diagnosis(written(tmp_path, reports.to_bytes(report))))
    assert plan.remedies == ()
    assert plan.notes == (
        "These problems are not caused by damage; run validate again and follow its advice: Commands.",
    )


def test_damage_that_the_report_does_not_name_is_repaired_too(host, tmp_path):
    report = read_diagnosis(written(tmp_path, validated(host)))
    (host.site / "tiny_lib" / "more.py").unlink()
    assert host.plan(report=report).packages == {"tiny-lib"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"format": 1}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"validation_results": NaN}',
    ],
)
def test_what_is_no_report_is_refused(tmp_path, data):
    with pytest.raises(TrustError) as error:
        read_diagnosis(written(tmp_path, data))
    assert "validate" in error.value.advice


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path):
    path = tmp_path / "diagnosis.json"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(TrustError, match="larger than"):
        read_diagnosis(path)


@pytest.mark.parametrize("name", ["nothing.json", ".", "pipe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError):
        read_diagnosis(tmp_path / name)


def changed(report, **changes):
    return {**report, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"overall_status": "FINE"},
        {"validation_results": []},
        {"more": 1},
        {"title": "\x1b[2J"},
        {"recommendations": ["a\nb"]},
    ],
)
def test_another_schema_is_refused(host, tmp_path, changes):
    with pytest.raises(TrustError):
        read_diagnosis(written(tmp_path, changed(validated(host), **changes)))


def test_a_report_of_another_host_is_refused(host, tmp_path):
    report = read_diagnosis(written(tmp_path, changed(validated(host), host="0" * 16)))
    with pytest.raises(UsageError, match="another host"):
        host.plan(report=report)


def test_a_report_of_another_release_is_refused(host, tmp_path):
    report = read_diagnosis(written(tmp_path, changed(validated(host), release="1-0123456789ab-r1")))
    with pytest.raises(UsageError, match="active release"):
        host.plan(report=report)


def test_paths_commands_and_escapes_in_a_report_reach_nobody(host, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("x")
    value = validated(host)
    for result in value["validation_results"]:
        result.update(
            status="FAIL",
            check_name=f"../../{victim}",
            details=f"rm -rf {tmp_path}",
            command=f"rm -rf {tmp_path}",
            evidence={"owners": ["../../victim"], "deviations": [[str(victim), "added", "tiny-lib"]]},
        )
    value["prefix"] = str(tmp_path)
    value["validation_results"].append({**value["validation_results"][0], "id": "unknown\u202e.check"})
    report = read_diagnosis(written(tmp_path, value))
    done = host.recover(report=report)
    assert not done.applied
    assert victim.read_text() == "x"
    shown = "\n".join(done.plan.lines())
    assert str(tmp_path) not in shown
    assert "\u202e" not in shown
