"""The gate of advisories in a build and in its plan: it goes by the lock, so nothing is fetched for a refused build."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import uv

from builder import cli
from builder.advisories.gate import run_gate
from builder.assemble import gather as story
from builder.request import verification
from builder.signing.sign import generate_key
from builder.wheels import tools_environment
from builder.zipapp import pack
from bundle.advisories import safety
from bundle.advisories.matcher import Installed, scan
from bundle.wheels.sizes import NOTHING
from tests.advisories import HIGH, aged_snapshot, below, record
from tests.builder.evidence_project import stand_in
from tests.builder.sources import lock, make_sdist, make_source
from tests.schemas import validated
from tests.servers import serve_hub, serve_index
from tests.wheels import make_wheel

WHEEL = "given-1.0-py3-none-any.whl"
PROJECT = """\
[project]
name = "guarded"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["given"]
[project.scripts]
guarded = "app:main"
[[tool.uv.index]]
name = "here"
url = "{url}/simple"
default = true
"""
PROFILE = 'name = "Guarded"\n[[models]]\nname = "m"\nsource = "hf:org/model@main"\n'
HIT = record("TEST-1", "given", *below("2.0"), vector=HIGH, aliases=("CVE-2026-0001",))
CLEAR = record("TEST-1", "given", *below("0.5"), vector=HIGH)
OPEN = record("TEST-2", "given", {"introduced": "0"}, {"fixed": "x"})


@pytest.fixture(autouse=True)
def _apart(monkeypatch, tmp_path):
    """Stand-ins for the zipapp and the second scanner, which have tests of their own."""

    def second_opinion(_python, snapshot, installed, *, limit):
        return safety.Opinion(scan(snapshot.index, [Installed(*one) for one in installed]).hits, ())

    monkeypatch.setattr(pack, "build_zipapp", stand_in)
    monkeypatch.setattr(safety, "second_opinion", second_opinion)
    monkeypatch.setattr(tools_environment, "own_python", lambda *_a, **_k: Path("python"))
    monkeypatch.setattr(tools_environment, "tools_of", lambda *_a, **_k: tools_environment.Tools((), NOTHING))
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
def servers(monkeypatch):
    with serve_index({WHEEL: make_wheel("given", "1.0")}) as index, serve_hub({"config.json": b"{}"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.site.url)
        yield index, hub


@pytest.fixture
def project(tmp_path, servers):
    index, hub = servers
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT.format(url=index.url))
    (folder / "app.py").write_text("print()\n")
    (tmp_path / "profile.toml").write_text(PROFILE)
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet", "--no-cache", "--project", folder], check=True)
    generate_key(tmp_path / "key", None)
    index.seen.clear()
    hub.site.seen.clear()
    return folder


def build(project, *more, records=(HIT,)):
    place = project.parent
    (place / "a.zip").write_bytes(aged_snapshot(place, 1, records))
    argv = ["build", "--project-root", project, "--output-dir", place / "out", "--cache-dir", place / "cache"]
    argv += ["--profile", place / "profile.toml", "--advisories", place / "a.zip", "--attestations", "off"]
    return cli.main([*map(str, argv), "--target", "linux-x86_64", "--python", "3.11", "--quiet", *more])


def signed(project):
    return "--sign-key", str(project.parent / "key")


def test_a_build_that_is_refused_fetches_nothing_not_even_scanners(project, servers, capsys, monkeypatch):
    monkeypatch.setattr(tools_environment, "own_python", lambda *_a, **_k: pytest.fail("scanners were fetched"))
    assert build(project, *signed(project)) == 7
    assert "1 known vulnerability fails this build (--fail-on high): given 1.0 (TEST-1" in capsys.readouterr().err
    assert [site.seen for site in (servers[0], servers[1].site)] == [[], []]
    assert not list((project.parent / "cache").glob("sha256/*/*"))


def test_a_build_that_passes_fetches_after_both_scanners(project, servers, monkeypatch):
    index, _hub = servers
    before = []
    real = run_gate

    def gate(*arguments, **more):
        before.append(list(index.seen))
        return real(*arguments, **more)

    monkeypatch.setattr(verification, "run_gate", gate)
    assert build(project, *signed(project), records=(CLEAR,)) == 0
    assert before == [[]]
    assert index.requests(f"/files/{WHEEL}")


def test_a_plan_tells_findings_and_what_the_gate_makes_of_them(project, capsys):
    assert build(project, "--dry-run", records=(HIT, OPEN)) == 7
    reported = capsys.readouterr().out
    assert "Known vulnerabilities for linux-x86_64 cp311: 1 in 1 package; 0 excepted" in reported
    assert "! high      given 1.0  TEST-1  fixed in 2.0" in reported
    assert "? Undecided: given 1.0 TEST-2" in reported
    assert "The build would stop here" in reported
    assert build(project, "--dry-run", "--fail-on", "critical") == 0
    reported = capsys.readouterr().out
    assert "  high      given 1.0  TEST-1" in reported
    assert "would continue" in reported


def test_a_plan_tells_what_hits_the_scanners_and_the_installer(project, capsys):
    records = (
        CLEAR,
        record("TEST-8", "safety", {"introduced": "0"}, vector=HIGH),
        record("TEST-9", "uv", *below("99")),
    )
    assert build(project, "--dry-run", "--fail-on", "any", records=records) == 7
    reported = capsys.readouterr().out
    assert "! high      safety" in reported
    assert "(in the tools environment)  TEST-8" in reported
    assert "(in the installer)  TEST-9  fixed in 99" in reported
    assert build(project, *signed(project), records=records) == 7
    reported = capsys.readouterr().err
    assert "(in the tools environment) (TEST-8, high)" in reported
    assert "Build with a newer version of this tool" in reported


def test_what_severities_hide_is_in_a_plan(project, capsys):
    records = (
        record("TEST-4", "given", *below("0.5"), {"fixed": "2.0"}),
        record("PYSEC-9", "given", {"introduced": "0"}, details="Malicious package. Do not use."),
    )
    assert build(project, "--dry-run", "--ignore-until-fixed", records=records) == 7
    reported = capsys.readouterr().out
    assert "! critical  given 1.0  PYSEC-9  no fix known  [malware]" in reported
    assert "  unknown   given 1.0  TEST-4  fixed in 2.0  [possible]" in reported
    assert "1 is malware: given 1.0 (PYSEC-9)" in reported
    assert "1 of 2 has no score" in reported
    assert build(project, "--dry-run", "--fail-on", "never", records=records) == 0


def test_a_plan_in_which_malware_is_undecided_stops(project, capsys):
    records = (record("MAL-2026-1", "given", {"introduced": "0"}, {"fixed": "x"}),)
    assert build(project, "--dry-run", "--fail-on", "critical", records=records) == 7
    assert "! Undecided: given 1.0 MAL-2026-1" in capsys.readouterr().out
    assert build(project, *signed(project), records=records) == 7
    assert "undecided whether these packages are malware: given 1.0 (MAL-2026-1" in capsys.readouterr().err


def test_sarif_is_written_though_the_build_is_refused(project, tmp_path, capsys):
    for options in (["--dry-run"], signed(project)):
        path = tmp_path / f"{len(options)}.sarif"
        assert build(project, *options, "--sarif", str(path)) == 7
        (found,) = json.loads(path.read_bytes())["runs"]
        assert found["automationDetails"]["id"] == "ragtrace/linux-x86_64 cp311"
        assert [one["ruleId"] for one in found["results"]] == ["TEST-1"]


def test_findings_that_nothing_fixes_wait(project, capsys):
    records = (record("TEST-4", "given", {"introduced": "0"}, vector=HIGH),)
    assert build(project, "--dry-run", records=records) == 7
    capsys.readouterr()
    assert build(project, "--dry-run", "--ignore-until-fixed", records=records) == 0
    assert "1 without a fixed version is ignored" in capsys.readouterr().out


def test_a_plan_as_json(project, capsys):
    assert build(project, "--dry-run", "--json") == 7
    (found,) = validated("builder-build-dry-run", capsys.readouterr().out)["advisories"]
    assert (found["passes"], found["failing"], found["counts"]) == (False, ["TEST-1"], {"high": 1})
    assert found["findings"][0]["ids"] == ["TEST-1", "CVE-2026-0001"]
    assert build(project, "--dry-run", "--json", records=(CLEAR,)) == 0
    (found,) = validated("builder-build-dry-run", capsys.readouterr().out)["advisories"]
    assert (found["passes"], found["failing"], found["unknown_versions"]) == (True, [], [])


def test_a_build_that_is_refused_builds_nothing_from_source(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "project"
    folder.mkdir()
    archive = make_sdist(make_source(tmp_path / "given", "given"), "given")
    (folder / "given-1.0.tar.gz").write_bytes(archive)
    sources = '[tool.uv.sources]\ngiven = { path = "given-1.0.tar.gz" }\n'
    (folder / "pyproject.toml").write_text(PROJECT.partition("[[")[0] + sources)
    (folder / "app.py").write_text("print()\n")
    (tmp_path / "profile.toml").write_text('name = "Guarded"\n')
    generate_key(tmp_path / "key", None)
    lock(folder)
    monkeypatch.setattr(story, "build_wheels", lambda *_a, **_k: pytest.fail("a package was built"))
    assert build(folder, *signed(folder)) == 7
    assert "given 1.0 (TEST-1, high)" in capsys.readouterr().err


def excepted(project, versions="==1.0"):
    place = project.parent
    (place / "e.json").unlink(missing_ok=True)
    words = [
        "--id",
        "CVE-2026-0001",
        "--package",
        "given",
        "--versions",
        versions,
        "--statement",
        "s",
        "--approver",
        "k",
    ]
    file, key = str(place / "e.json"), str(place / "key")
    assert cli.main(["advisories", "except", file, *words, "--justification", "component_not_present"]) == 0
    assert cli.main(["advisories", "sign", file, "--sign-key", key]) == 0
    return "--exceptions", file


def test_exceptions_count_in_a_plan_by_the_key_of_who_signed_them(project, capsys):
    options = excepted(project)
    assert build(project, "--dry-run", *options) == 2
    assert "--trust-key" in capsys.readouterr().err
    assert build(project, "--dry-run", *options, "--trust-key", str(project.parent / "key.pub")) == 0
    assert "0 in 1 package; 1 excepted" in capsys.readouterr().out
    assert build(project, *options, *signed(project)) == 0


def test_an_exception_without_effect_is_named_in_a_plan(project, capsys):
    trusting = ("--trust-key", str(project.parent / "key.pub"))
    cases = (("==0.9", "1 exception covers nothing here: CVE-2026-0001 given ==0.9"), (">=0", "matches every version"))
    for versions, told in cases:
        options = excepted(project, versions)
        assert build(project, "--dry-run", *options, *trusting) == (7 if versions == "==0.9" else 0)
        assert told in capsys.readouterr().out


def test_a_package_whose_version_only_its_build_tells_is_judged_then(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "project"
    source = make_source(folder / "lib", "given")
    text = (source / "pyproject.toml").read_text()
    (source / "pyproject.toml").write_text(text.replace('version = "1.0"', 'dynamic = ["version"]'))
    sources = '[tool.uv.sources]\ngiven = { path = "lib" }\n'
    (folder / "pyproject.toml").write_text(PROJECT.partition("[[")[0] + sources)
    (folder / "app.py").write_text("print()\n")
    (tmp_path / "profile.toml").write_text('name = "Guarded"\n')
    generate_key(tmp_path / "key", None)
    lock(folder)
    assert build(folder, "--dry-run") == 0
    assert "given: the lockfile has no version" in capsys.readouterr().out
    assert build(folder, *signed(folder)) == 7
    assert "given 1.0 (TEST-1, high)" in capsys.readouterr().err
