from __future__ import annotations

import json
import os
import re
import shutil
import stat

import pytest

from bootstrap import api, cli
from bundle.signing.signature import ED25519
from installer.trust.authority import read_key
from shared.errors import HostError
from tests import metrics
from tests.installed import make_prefix
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.validator.checking import change, release_of, site_of, snapshot
from validator.report import parse_report

ROOT = SoftKey(ED25519)


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    monkeypatch.setenv("DEMO_API_KEY", "s3cret")
    monkeypatch.delenv("RAGTRACE_PREFIX", raising=False)
    return make_prefix(tmp_path)


def test_everything_is_well_and_nothing_is_changed(prefix, tmp_path, capsys) -> None:
    output = tmp_path / "report.json"
    before = snapshot(prefix.root)
    assert cli.main(["validate", "--prefix", str(prefix.root), "--output", str(output)]) == 0
    shown = capsys.readouterr().out
    assert "Overall: EXCELLENT" in shown or "Overall: GOOD" in shown
    assert "s3cret" not in shown + output.read_text()
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    report = parse_report(output.read_bytes())
    assert {result.category for result in report.results} == {
        *("System", "Tools", "Packages", "RAGTrace", "Performance", "Security"),
    }
    assert snapshot(prefix.root) == before


def test_a_damaged_package_is_critical(prefix, capsys) -> None:
    change(site_of(prefix) / "demo_base.py", b"NAME = 'other'\n")
    assert cli.main(["validate", "--prefix", str(prefix.root), "--category", "packages", "--json"]) == 1
    report = parse_report(capsys.readouterr().out.encode())
    assert report.overall_status == "CRITICAL"
    assert report.problems[0].evidence["packages"] == ["demo-base"]


def test_a_warning_exits_1_only_when_strict(prefix, capsys) -> None:
    change(release_of(prefix).app / "app.py", b"raise SystemExit(3)\n")
    arguments = ["validate", "--prefix", str(prefix.root), "--check", "ragtrace.cli", "--quiet"]
    assert cli.main(arguments) == 0
    verdict, rest = capsys.readouterr().out.splitlines()[-2:]
    assert re.fullmatch(r"Overall: WARNING of 1 of [0-9]+ checks; files not compared \(1 FAIL\)", verdict)
    assert rest.endswith(" other checks were not run.")
    assert cli.main([*arguments, "--strict"]) == 1


def test_a_broken_manifest_is_a_report_and_no_error(prefix, capsys) -> None:
    change(release_of(prefix).bundle / "MANIFEST.json", b"{}")
    assert cli.main(["validate", "--prefix", str(prefix.root), "--json"]) == 1
    statuses = {result["id"]: result["status"] for result in json.loads(capsys.readouterr().out)["validation_results"]}
    assert statuses["ragtrace.release"] == statuses["security.integrity"] == "FAIL"
    assert statuses["packages.record"] == "ERROR"
    assert statuses["tools.uv"] == "PASS"


def test_before_an_installation_the_host_is_looked_at(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("RAGTRACE_PREFIX", raising=False)
    assert cli.main(["validate", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["validation_results"]
    assert {result["status"] for result in results if result["category"] == "System"} <= {"PASS", "WARN", "SKIP"}
    skipped = {result["details"] for result in results if result["category"] in ("Packages", "RAGTrace", "Security")}
    assert skipped == {"nothing is installed"}


def test_a_named_folder_without_an_installation_is_refused(tmp_path) -> None:
    with pytest.raises(HostError):
        api.validate(tmp_path / "nothing")


def test_an_unknown_check_is_a_wrong_call(prefix, capsys) -> None:
    assert cli.main(["validate", "--prefix", str(prefix.root), "--check", "system.nothing"]) == 2
    assert "system.disk" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_told(prefix, tmp_path, capsys) -> None:
    output = tmp_path / "missing" / "report.json"
    arguments = ["validate", "--prefix", str(prefix.root), "--check", "system.disk", "--output", str(output)]
    assert cli.main(arguments) == 4
    assert str(output) in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_what_was_found_is_shown_though_its_file_cannot_be_written(prefix, capsys) -> None:
    arguments = ["validate", "--prefix", str(prefix.root), "--check", "system.disk", "--output", "/dev/full"]
    assert cli.main(arguments) == 4
    reported = capsys.readouterr()
    assert re.search(r"Overall: EXCELLENT of 1 of [0-9]+ checks; files not compared \(1 PASS\)", reported.out)
    assert "No space left on device" in reported.err


@pytest.mark.parametrize(
    ("name", "more", "start"),
    [
        ("report.html", [], "<!DOCTYPE html>"),
        ("report.txt", [], "Demo-App 1.0.0"),
        ("report", [], "{"),
        ("report", ["--format", "html"], "<!DOCTYPE html>"),
        ("report.prom", [], "# HELP ragtrace_"),
    ],
)
def test_the_file_is_in_the_format_that_is_asked_for(prefix, tmp_path, capsys, name, more, start) -> None:
    output = tmp_path / name
    arguments = ["validate", "--prefix", str(prefix.root), "--check", "system.disk", "--output", str(output), *more]
    assert cli.main(arguments) == 0
    assert output.read_text(encoding="utf-8").startswith(start)
    assert capsys.readouterr().out.startswith("Demo-App 1.0.0")


@pytest.mark.parametrize(
    ("kind", "start"), [("html", "<!DOCTYPE html>"), ("json", "{"), ("text", "Demo-App"), ("prometheus", "# HELP")]
)
def test_the_screen_gets_the_format_that_is_asked_for(prefix, capsys, kind, start) -> None:
    assert cli.main(["validate", "--prefix", str(prefix.root), "--check", "system.disk", "--format", kind]) == 0
    assert capsys.readouterr().out.startswith(start)


def test_a_repair_is_not_told_to_read_a_page(prefix, tmp_path, capsys) -> None:
    change(site_of(prefix) / "demo_base.py", b"NAME = 'other'\n")
    output = tmp_path / "report.html"
    cli.main(["validate", "--prefix", str(prefix.root), "--check", "packages.record", "--output", str(output)])
    assert "recover diagnosis.json" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_metrics_of_a_whole_run_are_read_by_another_user_and_replaced_at_once(prefix, tmp_path, capsys) -> None:
    output = tmp_path / "ragtrace.prom"
    output.write_text("old\n")
    with output.open() as reading:
        assert cli.main(["validate", "--prefix", str(prefix.root), "--quick", "--output", str(output)]) == 0
        assert reading.read() == "old\n"  # whoever reads meanwhile has the old bytes, whole
    assert stat.S_IMODE(output.stat().st_mode) == 0o644
    samples = metrics.parse(output.read_text())
    assert metrics.value(samples, "ragtrace_check_status", check="system.python", status="PASS") == 1
    assert "s3cret" not in output.read_text()
    assert [path.name for path in tmp_path.iterdir() if ".tmp" in path.name] == []


@pytest.mark.parametrize("seconds", ["0", "-5", "nan", "inf", "1e12"])
def test_a_limit_that_is_none_is_a_wrong_call(prefix, seconds, capsys) -> None:
    assert cli.main(["validate", "--prefix", str(prefix.root), "--quick", f"--timeout={seconds}"]) == 2
    assert "--timeout must be greater than 0" in capsys.readouterr().err


@pytest.fixture
def beside(tiny, tmp_path, trust_stores, monkeypatch):
    """Run from the tiny bundle's folder, on a host that trusts it and where nothing is installed."""
    folder = shutil.copytree(tiny.folder, tmp_path / "bundle")
    lay(trust_stores.host, make_policy(1, [read_key(str(tiny.key))], [ROOT.key]), ROOT)
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(folder / "ragtrace-install.pyz"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("RAGTRACE_PREFIX", raising=False)
    return folder


def before(capsys):
    """Return the results about the release on such a host, and the whole report."""
    assert cli.main(["validate", "--quick", "--json"]) == 0
    report = parse_report(capsys.readouterr().out.encode())
    assert (report.product, report.prefix) == (None, None)
    return [result for result in report.results if result.id == "ragtrace.release"], report


def test_before_an_installation_the_bundle_at_hand_is_tried(beside, tmp_path, capsys) -> None:
    (result,), report = before(capsys)
    assert (result.status, str(tmp_path / "data") in result.details) == ("PASS", True), result
    assert report.title == "Tiny-App"
    assert not (tmp_path / "data").exists()


def test_before_an_installation_what_would_refuse_it_fails(beside, monkeypatch, capsys) -> None:
    monkeypatch.setattr("installer.install.requirements.sys.version_info", (3, 8, 1))
    results, report = before(capsys)
    failed = [result for result in results if result.status == "FAIL"]
    assert ["Python: this is Python 3.8.1" in result.details for result in failed] == [True]
    assert (failed[0].suggestion != "", "PASS" in [result.status for result in results]) == (True, False)
    assert report.overall_status == "WARNING"


def test_before_an_installation_an_altered_bundle_fails(beside, capsys) -> None:
    with (beside / "MANIFEST.json").open("ab") as file:
        file.write(b" ")
    (result,), _report = before(capsys)
    assert (result.status, "MANIFEST.json" in result.details) == ("FAIL", True)


def test_the_name_that_the_application_is_shown_under_is_its_category(prefix) -> None:
    report = api.validate(prefix.root, categories=["demo-app"], effort="quick")
    assert {result.category for result in report.results} == {"RAGTrace"}


def test_a_place_that_takes_no_report_is_told_before_anything_is_looked_at(prefix, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(api, "validate", lambda *_args, **_options: pytest.fail("it has begun"))
    for place in (tmp_path, tmp_path / "none" / "report.json"):
        assert cli.main(["validate", "--prefix", str(prefix.root), "--output", str(place)]) == 4


def test_disks_have_a_result_each(prefix, tmp_path, monkeypatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    places = [(prefix.root, 0, 0), (other, 0, 0)]
    monkeypatch.setattr("validator.checks.system.disk.filesystems", lambda _subject: places)
    results = api.validate(prefix.root, checks=["system.disk"]).results
    assert [result.check_name for result in results] == [f"Disk of {place}" for place, _least, _wanted in places]
    output = tmp_path / "ragtrace.prom"
    cli.main(["validate", "--prefix", str(prefix.root), "--check", "system.disk", "--output", str(output)])
    samples = metrics.parse(output.read_text())
    for place, _least, _wanted in places:
        assert metrics.value(samples, "ragtrace_check_duration_seconds", check="system.disk", about=str(place)) >= 0


def test_a_quick_verdict_says_what_it_leaves_out(prefix, tmp_path, capsys) -> None:

    arguments = ["validate", "--prefix", str(prefix.root), "--quick"]
    page, report = tmp_path / "report.html", tmp_path / "report.json"
    for options in ([], ["--quiet"], ["--output", str(page)], ["--output", str(report)]):
        assert cli.main([*arguments, *options]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        verdict = shown[shown.index("Overall: ") :]
        assert re.match(r"Overall: (EXCELLENT|GOOD) of [0-9]+ of [0-9]+ checks; files not compared \(", verdict)
        assert "quick validation, which does not check: Installed files," in verdict
        assert "Integrity" in verdict
    for text in ("quick validation, which does not check: Installed files,", "checks; files not compared</div>"):
        assert text in page.read_text(encoding="utf-8")
    stored = json.loads(report.read_text())
    assert (stored["effort"], stored["not_run"]["security.integrity"]) == ("quick", "Integrity")
    assert stored["partial"] is True
    assert parse_report(report.read_bytes()).not_run == stored["not_run"]
