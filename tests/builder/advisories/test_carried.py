"""What a bundle contains besides the application is judged by the same gate, and named."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from builder.advisories.gate import GateRequest, gate_members, read_knowledge, refuse, run_gate
from builder.advisories.osv import advisories_of
from builder.advisories.snapshot import Making, make_snapshot
from builder.lock.installer_wheels import PROJECT, installer_packages
from builder.request.verification import carried_by
from builder.wheels.interpreter import version_of
from bundle.advisories import safety
from bundle.advisories.matcher import CPYTHON, PYTHON, TOOLS, ZIPAPP, Component, Installed, scan
from bundle.advisories.snapshot import read_snapshot
from bundle.manifest import Product
from bundle.target import parse_target
from shared.errors import BuildError
from shared.terminal.progress import NoProgress
from tests.advisories import HIGH, NOW, RECORDS, aged_snapshot, below, record

HARMLESS = tuple(one for one in RECORDS if one["id"] != "TEST-1")
OWN = [Installed("demo-lib", "1.2.0")]
GIT = {"type": "GIT", "repo": "https://github.com/python/cpython", "events": [{"introduced": "0"}, {"fixed": "a" * 40}]}


def cpython(identifier, *versions, **more):
    """Return a record as the PSF writes it: without a package."""
    block = {"ranges": [GIT], **({"versions": list(versions)} if versions else {})}
    severity = [{"type": "CVSS_V3", "score": HIGH}]
    return {"id": identifier, "modified": "2026-05-30T10:00:00Z", "affected": [block], "severity": severity, **more}


class Told(NoProgress):
    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def judge(tmp_path, monkeypatch):
    monkeypatch.setattr(
        safety,
        "second_opinion",
        lambda _python, snapshot, installed, *, limit: safety.Opinion(
            scan(snapshot.index, [Installed(*one) for one in installed]).hits, ()
        ),
    )

    def run(*carried, records=HARMLESS, told=None, **more):
        path = tmp_path / "a.zip"
        path.write_bytes(aged_snapshot(tmp_path, 1, records))
        knowledge = read_knowledge(GateRequest(path, **more), None)
        assessment = run_gate(knowledge, OWN, Path("python"), told or NoProgress(), carried=carried)
        refuse(knowledge, assessment)
        members = gate_members(knowledge, assessment, Product("demo", "Demo", "1.0", 7), 1_700_000_000)
        content = next(one.content for one in members if one.entry.path.endswith("gate.json"))
        assert isinstance(content, bytes)
        return json.loads(content)

    return run


@pytest.mark.parametrize(
    ("where", "words"), [(TOOLS, "in the tools environment"), (ZIPAPP, "in the installer"), (PYTHON, "interpreter")]
)
def test_what_is_carried_fails_the_gate(judge, where, words):
    if where == PYTHON:
        package, hit = CPYTHON, cpython("PSF-2026-1", "v3.12.1")
    else:
        package, hit = "click", record("TEST-9", "click", *below("8.3.3"), vector=HIGH)
    component = Component(where, (Installed(package, "3.12.1"),))
    with pytest.raises(BuildError, match=f"{package} 3.12.1 .*{words}") as caught:
        judge(component, records=(*HARMLESS, hit))
    assert "newer version of this tool" in caught.value.advice
    found = judge(component, records=(*HARMLESS, hit), fail_on="never")
    assert [(one["package"], one["where"]) for one in found["findings"]] == [(package, where)]
    assert found["components"] == [{"where": where, "packages": 1, "unjudged": ""}]
    assert found["packages"] == 1  # those of the application


def test_one_advisory_in_two_places_is_two_findings(judge):
    found = judge(Component(TOOLS, (Installed("demo-lib", "1.2.0"),)), records=RECORDS, fail_on="never")
    assert [one["where"] for one in found["findings"]] == ["application", "tools"]


def test_an_interpreter_is_not_judged_without_advisories_for_it(judge):
    told = Told()
    found = judge(Component(PYTHON, (Installed(CPYTHON, "3.12.1"),)), told=told)
    assert found["components"][0]["unjudged"] == "the snapshot holds no advisories for CPython"
    assert "Not judged: bundled interpreter: the snapshot holds no advisories for CPython." in told.warnings


def test_several_versions_in_the_installer_are_no_doubt(judge):
    both = (Installed("cffi", "2.0.0"), Installed("cffi", "2.1.1"))
    assert judge(Component(ZIPAPP, both))["undecided"] == []
    assert len(judge(Component(TOOLS, both))["undecided"]) == 1


def test_advisories_for_cpython():
    assert list(advisories_of(cpython("PSF-2026-1", "v3.12.1", "v3.12.2"))) == [CPYTHON]
    assert advisories_of(cpython("PSF-2026-2")) == {}  # commits alone
    other = {"ranges": [{**GIT, "repo": "https://github.com/other/other"}], "versions": ["v1.0"]}
    assert advisories_of({**cpython("X"), "affected": [other]}) == {}


@pytest.mark.parametrize(("version", "hit"), [("3.12.1", True), ("3.12.2", False), ("3.12.1rc1", False)])
def test_a_version_of_cpython(judge, version, hit):
    found = judge(
        Component(PYTHON, (Installed(CPYTHON, version),)),
        records=(*HARMLESS, cpython("PSF-2026-1", "v3.12.1")),
        fail_on="never",
    )
    assert (len(found["findings"]) == 1) == hit


def test_a_snapshot_with_both_kinds_is_as_before_for_packages(tmp_path):
    from tests.advisories import write_export

    path = write_export(tmp_path / "all.zip", (*RECORDS, cpython("PSF-2026-1", "v3.12.1")))
    index = read_snapshot(make_snapshot(path, Making("tests", NOW))).index
    assert CPYTHON in index.lines
    assert scan(index, OWN).hits == {("demo-lib", "1.2.0", "TEST-1")}


HEADER = b'/* Version as a string */\n#define PY_VERSION      \t"3.12.7+"\n'


@pytest.mark.parametrize("inner", ["include/python3.12/patchlevel.h", "python/include/python3.12/patchlevel.h"])
def test_the_version_of_an_interpreter_is_in_its_headers(tmp_path, inner):
    folder = tmp_path / "given"
    (folder / inner).parent.mkdir(parents=True)
    (folder / inner).write_bytes(HEADER)
    assert version_of(str(folder)) == "3.12.7+"
    with tarfile.open(tmp_path / "p.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo(f"python/{inner}")
        info.size = len(HEADER)
        archive.addfile(info, io.BytesIO(HEADER))
    assert version_of(str(tmp_path / "p.tar.gz")) == "3.12.7+"


def test_an_interpreter_whose_version_is_not_known(tmp_path):
    (tmp_path / "no.tar.gz").write_bytes(b"no archive")
    assert version_of("3.12.7") == "3.12.7"
    for given in ("3.12", str(tmp_path), str(tmp_path / "none"), str(tmp_path / "no.tar.gz")):
        assert version_of(given) is None
    component = carried_by(parse_target("linux-x86_64", "3.12"), "3.12")[-1]
    assert "exact version is not known" in component.unjudged


def test_all_that_travels_is_listed():
    found = {one.where: {package.name for package in one.packages} for one in carried_by(
        parse_target("linux-x86_64", "3.11"), "3.11.9")}  # fmt: skip
    assert {"safety", "click", "cryptography"} <= found[TOOLS]
    assert {"uv", "cryptography", "cffi", "psutil", "packaging", "tomli"} <= found[ZIPAPP]
    assert found[PYTHON] == {CPYTHON}
    assert Path(__file__).parents[3] == PROJECT


def test_no_high_advisory_hits_what_ships(real_export, tmp_path):
    """The installer's packages of every platform, by the newest export."""
    index = read_snapshot(make_snapshot(real_export, Making("real", NOW))).index
    targets = [parse_target(f"{platform}-x86_64", "3.11") for platform in ("linux", "musllinux", "macos")]
    targets += [parse_target("windows-amd64", "3.11"), parse_target("macos-arm64", "3.11")]
    packages = {Installed(*one) for target in targets for one in installer_packages(target)}
    assert len(packages) >= 8
    found = [finding for one in packages for finding in scan(index, [one]).findings]
    assert [one for one in found if one.severity in ("high", "critical", "unknown")] == []
