"""The scanners as they really are: what a new release of safety or picklescan changes is noticed here."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import zipfile
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
import tomllib

from builder.advisories.snapshot import Making, make_snapshot
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.lock.lock import read_lock, select_wheels
from builder.lockfiles.uv_lock import UvLock
from builder.wheels import tools_environment
from builder.wheels.tools_environment import own_python, tools_of
from bundle.advisories import safety
from bundle.advisories.matcher import Installed, scan
from bundle.advisories.scanner import Interpreter, environment
from bundle.advisories.snapshot import SAFETY_FILES, read_snapshot
from bundle.target import PYTHONS, host_target, parse_target
from bundle.wheels import record as installed_files
from installer.advisories import picklescan
from installer.release.tools_environment import WITHOUT_SAFETY
from shared.errors import BuildError, ToolError
from shared.processes import process, scripts
from shared.terminal.progress import NoProgress
from tests.advisories import RECORDS, below, record, snapshot_bytes
from tests.hosts import needs

pytestmark = pytest.mark.index


@pytest.fixture(scope="module")
def fetching():
    return Fetching(Cache(needs.cache_folder() / "builder"), NoProgress())


@pytest.fixture(scope="module")
def python(fetching):
    return own_python(fetching)


@pytest.fixture
def snapshot(tmp_path):
    more = record("TEST-20", "torch", {"introduced": "0"}, {"last_affected": "2.6.0-cu124"})
    same = record("TEST-21", "demo-lib", *below("1.3"))  # two advisories of the same versions
    return read_snapshot(snapshot_bytes(tmp_path, (*RECORDS, more, same)))


PACKAGES = [
    *(("demo-lib", "1.2.0"), ("demo-lib", "1.3rc1"), ("demo-lib", "1.3"), ("Other_Thing", "2.5"), ("none", "1.0")),
    *(("torch", "2.6.0+cu124"), ("torch", "2.6.1"), ("odd", "1.0"), ("unscored", "1.5.dev3"), ("odd", "2018_04")),
]


def test_made_once(fetching, python):
    before = python.parent.stat().st_mtime_ns
    assert own_python(replace(fetching, offline=True)) == python
    assert python.parent.stat().st_mtime_ns == before


def test_safety_finds_the_same(python, snapshot):
    opinion = safety.second_opinion(python, snapshot, PACKAGES, limit=120)
    own = scan(snapshot.index, [Installed(name, version) for name, version in PACKAGES])
    assert opinion.blind == ()
    assert safety.differences(own.hits, opinion.hits) == []
    assert ("torch", "2.6.0", "TEST-20") in opinion.hits
    assert {advisory for _name, version, advisory in opinion.hits if version == "1.3rc1"} == {"TEST-1", "TEST-21"}


def test_a_credential_changes_nothing(python, snapshot, tmp_path, monkeypatch):
    (tmp_path / ".safety").mkdir()
    (tmp_path / ".safety" / "auth.ini").write_text("[auth]\nid_token = x\naccess_token = y\nrefresh_token = z\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SAFETY_API_KEY", "secret")
    monkeypatch.setenv("SAFETY_DB_MIRROR", "https://127.0.0.1:1/")
    assert ("demo-lib", "1.2.0", "TEST-1") in safety.second_opinion(python, snapshot, PACKAGES, limit=120).hits


def test_a_damaged_database_is_an_error(python, snapshot, monkeypatch):
    monkeypatch.setattr(type(snapshot), "member", lambda _self, _name: b'{"meta": {"schema_version": "9"}}')
    with pytest.raises(ToolError, match="safety cannot be run"):
        safety.find_hits(Interpreter(python), snapshot, {("a", "1")}, limit=120)


def test_the_real_export(python, real_export, tmp_path):
    """What the versions of every advisory's first bound are to one is what they are to the other."""
    data = make_snapshot(real_export, Making("real", datetime.now(timezone.utc)))
    real = read_snapshot(data)
    packages = []
    for name in list(real.index.lines)[::4]:
        for advisory in real.index.of(name)[:3]:
            bounds = [bound for one in advisory.affected for bound in (one.low, one.high) if bound is not None]
            packages += [(name, str(bound)) for bound in bounds[:4]]
    packages = sorted(set(packages))
    assert len(packages) > 800
    own = scan(real.index, [Installed(name, version) for name, version in packages])
    opinion = safety.second_opinion(python, real, packages, limit=300)
    assert opinion.blind == ()
    assert safety.differences(own.hits, opinion.hits) == []
    assert len(own.hits) > 2000


@pytest.fixture(scope="module")
def lock():
    return read_lock(UvLock(tools_environment.LOCK))


@pytest.mark.parametrize(
    "target",
    [f"{platform}-{machine}" for platform in ("linux", "musllinux") for machine in ("x86_64", "aarch64")]
    + ["windows-amd64", "macos-arm64", "macos-x86_64"],
)
def test_wheels_for_every_target(lock, target):
    """Every target has wheels of all scanners; nothing is fetched for this."""
    for version in PYTHONS:
        names = {wheel.name for wheel in select_wheels(lock, parse_target(target, version)).wheels}
        assert ("safety" in names) == (version not in WITHOUT_SAFETY)
        assert ("picklescan" in names) == (version not in ("3.9", "3.10"))


def test_none_for_a_python_without_sound_versions(fetching):
    """click, which safety imports, has no fixed version for Python 3.9, so nothing of that set travels."""
    assert tools_of(parse_target("linux-x86_64", "3.9"), fetching).members == ()


def test_no_high_advisory_hits_the_set(real_export):
    """Every version of the lockfile, whatever its markers, by the newest export."""
    real = read_snapshot(make_snapshot(real_export, Making("real", datetime.now(timezone.utc))))
    listed = tomllib.loads((tools_environment.LOCK / "uv.lock").read_text())["package"]
    found = [
        finding for one in listed for finding in scan(real.index, [Installed(one["name"], one["version"])]).findings
    ]
    assert [one for one in found if one.severity in ("high", "critical", "unknown")] == []


@pytest.fixture
def altered(tmp_path, monkeypatch):
    """Return a function that replaces a text in a copy of the scanners' lock, which is then the one that counts."""
    folder = tmp_path / "tools_lock"
    shutil.copytree(tools_environment.LOCK, folder)
    monkeypatch.setattr(tools_environment, "LOCK", folder)

    def alter(name, old, new):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return alter


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("uv.lock", "[[package]]", "[[package"),
        ("uv.lock", 'name = "picklescan"', 'name = "picklescam"'),
        ("pyproject.toml", '    "nltk",\n', ""),
        ("pyproject.toml", '"safety>=3.8.1', '"safety>=99'),
    ],
    ids=["damaged", "renamed", "more-wanted", "newer-wanted"],
)
def test_a_lock_that_is_not_that_of_its_project_is_refused(altered, name, old, new):
    altered(name, old, new)
    with pytest.raises(BuildError):
        tools_environment.selected(parse_target("linux-x86_64", "3.11"))


def test_a_wheel_that_is_not_the_locked_one_is_refused(altered, fetching):
    (wheel,) = [one for one in tools_environment.selected(host_target()) if one.name == "picklescan"]
    altered("uv.lock", wheel.sha256, "0" * 64)
    with pytest.raises(BuildError, match="picklescan"):
        tools_of(host_target(), fetching)


LOADED = """
import atexit, json, sys
atexit.register(lambda: sys.stderr.write("\\nloaded " + json.dumps(sorted(getattr(module, "__file__", None) or ""
    for module in list(sys.modules.values()))) + "\\n"))
"""


def loaded(python, program, question, folder):
    """Return the files of all modules that a scanner loads for a question."""
    argv = [str(python), "-I", "-B", "-c", LOADED + scripts.text(f"scanners/{program}")]
    ended = process.run(argv, env=environment(folder), cwd=folder, timeout=120, stdin=json.dumps(question).encode())
    assert ended.ok, ended.stderr
    return set(json.loads(ended.stderr.rpartition("\nloaded ")[2]))


def test_the_set_is_what_the_scanners_load(python, snapshot, models, tmp_path):
    """No package is in the environment of which neither scanner loads a module in a real run."""
    for file in SAFETY_FILES:
        (tmp_path / file).write_bytes(snapshot.member(file))
    (models / "model.pkl").write_bytes(pickle.dumps(Runs()))
    asked = {"packages": [["demo-lib", "1.2.0"], ["none", "1.0"]], "database": str(tmp_path)}
    files = loaded(python, "run_safety", asked, tmp_path)
    files |= loaded(python, "run_picklescan", {"folder": str(models)}, tmp_path)
    (site,) = python.parent.parent.glob("lib/python*/site-packages")
    unused = {
        name
        for name, _version, info in installed_files.distributions(site)
        if not files & {str(site / row.partition(",")[0]) for row in (info / "RECORD").read_text().splitlines()}
    }
    assert unused == set()


def test_members(fetching):
    tools = tools_of(host_target(), fetching)
    names = [item.entry.path for item in tools.members]
    assert all(name.startswith("06_Verification/tools/") and name.endswith(".whl") for name in names)
    assert tools.unpacked.bytes > sum(item.entry.size for item in tools.members)
    assert tools.unpacked.files > len(names)


class Runs:
    def __reduce__(self):
        import os

        return os.system, ("true",)


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "weights.safetensors").write_bytes(b"\0" * 100)
    (folder / "harmless.pkl").write_bytes(pickle.dumps({"a": [1, 2.5, "x"]}))
    return folder


def test_harmless_models(python, models):
    found = picklescan.scan_folder(python, models, limit=120)
    assert (found.dangerous, found.suspicious, found.unread) == ({}, {}, ())
    assert found.scanned >= 1


def test_dangerous_models(python, models):
    (models / "model.pkl").write_bytes(pickle.dumps(Runs()))
    with zipfile.ZipFile(models / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Runs()))
    found = picklescan.scan_folder(python, models, limit=120)
    assert set(found.dangerous) == {"model.pkl", "pytorch_model.bin"}
    assert any("system" in name for name in found.dangerous["model.pkl"])


def test_suspicious_models(python, models):
    (models / "model.pkl").write_bytes(b"cnobody_knows\nthis\n.")
    assert picklescan.scan_folder(python, models, limit=120).suspicious == {"model.pkl": ["nobody_knows.this"]}


def test_models_that_cannot_be_read(python, models):
    (models / "broken.pkl").write_bytes(b"\x80\x04 this is no pickle")
    (models / "renamed.weights").write_bytes(b"\x80\x02 this is none either")
    (models / "broken.zip").write_bytes(spoiled_zip(models / "x.zip"))
    (models / "packed.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + b"\0" * 50)
    (models / "dangling.pkl").symlink_to(models / "none.pkl")
    (models / "data.bin").write_bytes(b"weights of another kind")
    found = picklescan.scan_folder(python, models, limit=120)
    assert found.unread == ("broken.pkl", "broken.zip", "dangling.pkl", "packed.7z", "renamed.weights")
    assert (found.dangerous, found.suspicious) == ({}, {})


def test_what_runs_before_it_breaks(python, models):
    (models / "cut.pkl").write_bytes(pickle.dumps(Runs())[:-1] + b"\xff\xff")
    found = picklescan.scan_folder(python, models, limit=120)
    assert set(found.dangerous) == {"cut.pkl"}
    assert found.unread == ("cut.pkl",)


def spoiled_zip(path):
    """Return an archive with a pickle whose packed bytes are damaged."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", pickle.dumps(list(range(1000))))
    data = bytearray(path.read_bytes())
    path.unlink()
    data[60:90] = b"\xff" * 30
    return bytes(data)


def test_without_picklescan(models):
    with pytest.raises(ToolError, match="picklescan cannot be run"):
        picklescan.scan_folder(Path(sys.executable), models, limit=120)
