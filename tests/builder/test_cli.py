"""The builder's command line, from a project without dependencies to a folder that a host accepts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import uv

from builder import cli
from builder.assemble import folder as story
from builder.fetch.cache import Cache
from builder.signing.sign import generate_key, read_public_key
from builder.signing.slip import grouped
from builder.zipapp import pack
from bundle.names import INSTALLER
from bundle.opening import open_bundle
from bundle.reading.medium import drain
from bundle.signing.policy import pins
from bundle.signing.policy_files import pinned_policy
from shared.files.process_lock import locked
from tests.builder.small_project import _quick, build, made, make_project  # noqa: F401 - the stand-in for the zipapp
from tests.builder.sources import commit, make_source
from tests.schemas import validated
from tests.wheels import make_wheel


def test_a_build_is_accepted_by_a_host(project, key, tmp_path, capsys) -> None:
    assert build(project, key, tmp_path / "out", "--json") == 0
    reported = validated("builder-build", capsys.readouterr().out)
    (facts,) = reported["bundles"]
    public = read_public_key(key.with_suffix(".pub"))
    assert reported["signers"] == [public.fingerprint]
    assert facts["product"] == {"name": "small-app", "title": "small-app", "version": "1.2.3", "counter": 1700000000}
    folder = Path(facts["folder"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [folder.name, f"{folder.name}.slip"]
    assert grouped(public) in Path(facts["slip"]).read_text(encoding="utf-8")
    bundle = open_bundle(folder, pins([public]))
    bundle.visit(lambda _entry, blocks: drain(blocks), lambda _count: None)
    paths = {entry.path for entry in bundle.manifest.files}
    assert {"03_Source/한글.txt", "04_Scripts/install.py", "05_Documentation/OPERATING.ko.md"} <= paths
    policy, role = pinned_policy(folder / INSTALLER), pins([public]).roles["release"]
    assert policy is not None
    assert policy.signers == pins([public]).signers
    assert policy.roles == {"release": role, "advisories": role, "exceptions": role}
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, check=False)
    assert checked.returncode == 0


def test_two_builds_are_the_same_bytes(tmp_path, key) -> None:
    built = []
    for number, umask in ((1, 0o022), (2, 0o077)):
        previous = os.umask(umask)
        try:
            project = make_project(tmp_path / f"place{number}/project")
            assert build(project, key, tmp_path / f"out{number}") == 0
        finally:
            os.umask(previous)
        folder = made(tmp_path / f"out{number}")
        built.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert built[0] == built[1]


def test_a_later_build_takes_the_place_of_the_former(project, key, tmp_path) -> None:
    for number in ("5", "6"):
        assert build(project, key, tmp_path / "out", "--counter", number) == 0
    folder = made(tmp_path / "out")
    assert b'"counter": 6' in (folder / "MANIFEST.json").read_bytes()


def test_an_epoch_of_zero_counts(project, key, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert build(project, key, tmp_path / "out") == 0
    folder = made(tmp_path / "out")
    assert b"1970-01-01T00:00:00Z" in (folder / "MANIFEST.json").read_bytes()


@pytest.mark.parametrize("epoch", ["x", "", "-1", str(8**11)])
def test_an_epoch_that_is_none(project, key, tmp_path, monkeypatch, epoch, capsys) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert build(project, key, tmp_path / "out") == 2
    assert "SOURCE_DATE_EPOCH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (["--target", "amiga-68k"], 2, "amiga-68k is not a known target"),
        (["--python", "2.7"], 2, "Python 2.7 is not supported"),
        (["--glibc", "3"], 2, "not a glibc version"),
        (["--profile", "nobody"], 2, "Profile nobody not found"),
        (["--counter", "0"], 2, "counter"),
        (["--model", "path:nowhere"], 7, "nowhere"),
    ],
)
def test_requests_that_make_no_sense(project, key, tmp_path, capsys, more, code, told) -> None:
    assert build(project, key, tmp_path / "out", *more) == code
    assert told in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


def test_no_lock_and_no_key(project, key, tmp_path, capsys) -> None:
    assert cli.main(["build", "--project-root", str(project)]) == 2
    assert "--sign-key" in capsys.readouterr().err
    assert build(project, tmp_path / "nokey", tmp_path / "out") == 2
    assert "keygen" in capsys.readouterr().err
    (project / "uv.lock").unlink()
    assert build(project, key, tmp_path / "out") == 7
    assert "uv lock" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device", "/out")])
def test_a_build_that_ends_early_leaves_nothing(project, key, tmp_path, monkeypatch, error) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(story, "write_archive", fail)
    assert build(project, key, tmp_path / "out") in (130, 4, 7)
    assert list((tmp_path / "out").iterdir()) == []


def test_inspect(project, key, tmp_path, capsys) -> None:
    build(project, key, tmp_path / "out")
    folder = made(tmp_path / "out")
    capsys.readouterr()
    assert cli.main(["inspect", str(folder)]) == 0
    assert "(trust not checked)" in capsys.readouterr().out
    assert cli.main(["inspect", str(folder), "--json", "--trust-key", f"{key}.pub"]) == 0
    facts = validated("verify", capsys.readouterr().out)
    assert (facts["signers_trusted"], facts["effects"]["commands"]) == (True, ["small"])
    generate_key(tmp_path / "stranger", None)
    assert cli.main(["inspect", str(folder), "--trust-key", str(tmp_path / "stranger.pub")]) == 3
    assert cli.main(["inspect", str(folder), "--trust-key", str(tmp_path / "missing.pub")]) == 2
    next(folder.glob("*.sig")).unlink()
    capsys.readouterr()
    assert cli.main(["inspect", str(folder)]) == 3
    assert "not signed" in capsys.readouterr().err


def test_several_targets_share_one_run_and_each_platform_one_installer(
    project, key, tmp_path, monkeypatch, capsys
) -> None:
    made_for = []
    make = pack.build_zipapp
    monkeypatch.setattr(pack, "build_zipapp", lambda *a: made_for.append(str(a[1])) or make(*a))
    targets = ["--target", "linux-x86_64", "--target", "windows-amd64", "--python", "3.11", "--python", "3.12"]
    assert build(project, key, tmp_path / "out", "--json", *targets) == 0
    reported = validated("builder-build", capsys.readouterr().out)
    assert made_for == ["linux-x86_64", "windows-amd64"]
    folders = [Path(bundle["folder"]) for bundle in reported["bundles"]]
    assert [folder.name.removeprefix("small-app-1.2.3-") for folder in folders] == [
        "linux-x86_64-cp311",
        "linux-x86_64-cp312",
        "windows-amd64-cp311",
        "windows-amd64-cp312",
    ]
    policy = pins([read_public_key(key.with_suffix(".pub"))])
    for folder, bundle in zip(folders, reported["bundles"], strict=True):
        assert open_bundle(folder, policy).manifest.target.to_json() == bundle["target"]
        assert Path(bundle["slip"]).read_text(encoding="utf-8")
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_a_plan_needs_no_key_and_writes_nothing(project, tmp_path, capsys) -> None:
    argv = ["build", "--project-root", str(project), "--output-dir", str(tmp_path / "out"), "--dry-run", "--offline"]
    argv += ["--cache-dir", str(tmp_path / "cache"), "--target", "linux-x86_64", "--quiet"]
    assert cli.main([*argv, "--python", "3.12", "--json"]) == 0
    reported = validated("builder-build-dry-run", capsys.readouterr().out)
    assert (reported["product"], reported["targets"][0]["complete"]) == ("small-app 1.2.3", True)
    assert reported["source"]["files"] == 4
    assert [item["checks"][0] for item in reported["unchecked"]] == ["performance.start"]
    assert cli.main([*argv, "--python", "3.12"]) == 0
    out = capsys.readouterr().out
    assert "linux-x86_64 cp312: 0 wheels" in out
    assert "the profile defines no smoke commands; add at the top of the profile:\n    smoke = [[" in out
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "cache").exists()


def test_settings_that_nobody_could_set_are_told_and_end_no_build(project, key, tmp_path, capsys, caplog) -> None:
    (project / "small_app/__init__.py").write_text("import os\n\n\ndef main():\n    print(os.getenv('SMALL_LEVEL'))\n")
    argv = ["build", "--project-root", str(project), "--dry-run", "--offline", "--quiet"]
    assert cli.main([*argv, "--json"]) == 0
    reported = validated("builder-build-dry-run", capsys.readouterr().out)
    read = {"name": "SMALL_LEVEL", "file": "small_app/__init__.py", "line": 5, "read_by": "code"}
    assert reported["unlisted_settings"] == [read]
    assert cli.main(argv) == 0
    plan = capsys.readouterr().out
    assert "SMALL_LEVEL (small_app/__init__.py:5)" in plan
    assert '    [environment]\n    also = ["SMALL_LEVEL"]\n' in plan
    assert build(project, key, tmp_path / "out") == 0
    assert "cannot set: SMALL_LEVEL." in caplog.text
    caplog.clear()
    (project / "ragtrace-profile.toml").write_text('name = "Small"\n[environment]\nalso = ["SMALL_LEVEL"]\n')
    assert build(project, key, tmp_path / "second", "--counter", "1700000001") == 0
    assert "SMALL_LEVEL" not in caplog.text


def test_a_plan_tells_gaps_and_that_the_build_would_fail(tmp_path, capsys) -> None:
    example = pack.ROOT / "examples" / "rag-mini"
    argv = ["build", "--project-root", str(example), "--dry-run", "--quiet", "--model", f"path:{tmp_path}"]
    (tmp_path / "model.bin").write_bytes(b"1234")
    argv += ["--target", "windows-arm64", "--target", "linux-x86_64", "--python", "3.11"]
    assert cli.main(argv) == 7
    out = capsys.readouterr().out
    assert "windows-arm64 cp311: cannot be built\n    pyyaml 6.0.3 (available wheels" in out
    assert "1 file, 4 B" in out


def test_gaps_of_all_targets_are_told_before_anything_is_fetched(tmp_path, key, capsys) -> None:
    example = pack.ROOT / "examples" / "rag-mini"
    targets = ["--target", "windows-arm64", "--python", "3.11", "--model", "path:nowhere"]
    assert build(example, key, tmp_path / "out", *targets) == 7
    assert "pyyaml 6.0.3" in capsys.readouterr().err
    assert not (tmp_path / "cache" / "sha256").exists()


def test_packages_of_every_kind_travel_as_wheels(tmp_path, key, capsys) -> None:
    project = make_source(tmp_path / "project", "small-app")
    make_source(tmp_path / "beside", "beside")
    make_source(tmp_path / "repository", "fromgit")
    make_source(project / "packages" / "member", "member")
    (project / "wheels").mkdir()
    (project / "wheels" / "given-1.0-py3-none-any.whl").write_bytes(make_wheel("given", "1.0"))
    (project / "small_app.py").write_text("def main(): pass\n")
    commit(tmp_path / "repository")
    more = make_source(tmp_path / "more", "more")
    tool = make_source(tmp_path / "tool", "tool")
    (project / "pyproject.toml").write_text(
        f"""
[project]
name = "small-app"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["beside", "fromgit", "member", "given"]
[project.scripts]
small-app = "small_app:main"
[project.optional-dependencies]
extra = ["more"]
[dependency-groups]
tools = ["tool"]
[tool.uv]
package = false
[tool.uv.workspace]
members = ["packages/*"]
[tool.uv.sources]
beside = {{ path = "../beside" }}
fromgit = {{ git = "{(tmp_path / "repository").as_uri()}" }}
member = {{ workspace = true }}
given = {{ path = "wheels/given-1.0-py3-none-any.whl" }}
more = {{ path = "{more}" }}
tool = {{ path = "{tool}", editable = true }}
"""
    )
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet", "--project", project], check=True)
    assert build_online(project, key, tmp_path / "out", "--json") == 0
    first = validated("builder-build", capsys.readouterr().out)["bundles"][0]
    assert sorted(first["sizes"]) == ["beside", "fromgit", "given", "member"]
    assert build_online(project, key, tmp_path / "out2", "--json", "--extra", "extra", "--group", "tools") == 0
    second = validated("builder-build", capsys.readouterr().out)["bundles"][0]
    assert sorted(second["sizes"]) == ["beside", "fromgit", "given", "member", "more", "tool"]
    assert build(project, key, tmp_path / "out3", "--no-build") == 7
    assert "beside 1.0 (a local folder; --no-build forbids building it)" in capsys.readouterr().err


def build_online(project: Path, key: Path, output: Path, *more: str) -> int:
    common = ["--project-root", project, "--output-dir", output, "--sign-key", key, "--cache-dir", output / "../cache"]
    return cli.main(["build", *map(str, common), "--quiet", *more])


def test_an_interrupt_while_folders_are_moved_leaves_what_was_there(project, key, tmp_path, monkeypatch) -> None:
    assert build(project, key, tmp_path / "out", "--counter", "5") == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    calls, replace = [], os.replace

    def interrupted(source, target):
        calls.append(target)
        if len(calls) == 4:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    assert build(project, key, tmp_path / "out", "--counter", "6") == 130
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_a_build_that_was_killed_is_cleared_away_by_the_next(project, key, tmp_path) -> None:
    killed = tmp_path / "out" / ".building-1"
    (killed / ".former" / "older").mkdir(parents=True)
    (killed / ".lock").touch()
    at_work = tmp_path / "out" / ".building-2"
    at_work.mkdir()
    with locked(at_work / ".lock"):
        assert build(project, key, tmp_path / "out") == 0
    assert not killed.exists()
    assert at_work.exists()
    assert (tmp_path / "out" / "older").is_dir()


def test_the_cache_tells_what_it_holds_and_is_pruned(tmp_path, capsys) -> None:
    cache = Cache(tmp_path / "cache")
    old, new = (cache.root / "sha256" / "ab" / name for name in ("ab01", "ab02"))
    old.parent.mkdir(parents=True)
    for path in (old, new, old.with_name("ab03.part"), old.with_name("ab01.lock")):
        path.write_bytes(b"1234")
    os.utime(old, (0, 0))
    places = ["--cache-dir", str(cache.root), "--json"]
    assert cli.main(["cache", "info", *places]) == 0
    reported = validated("builder-cache-info", capsys.readouterr().out)
    assert (reported["files"], reported["bytes"], reported["partial"], reported["partial_bytes"]) == (2, 8, 1, 4)
    for dry in ("--dry-run", ""):
        assert cli.main(["cache", "prune", *places, *([dry] if dry else [])]) == 0
        reported = validated("builder-cache-prune", capsys.readouterr().out)
        assert (reported["files"], reported["bytes"], reported["removed"]) == (1, 4, not dry)
    assert (old.exists(), new.exists()) == (False, True)
    with cache.in_use(), cache.in_use():
        assert cli.main(["cache", "prune", "--cache-dir", str(cache.root)]) == 8
    assert "A build is using the cache" in capsys.readouterr().err
    assert cli.main(["cache", "prune", "--cache-dir", str(cache.root), "--unused-for", "0"]) == 0
    assert capsys.readouterr().out == "Removed 2 files, 8 B.\n"
    assert cli.main(["cache", "prune", "--cache-dir", str(cache.root), "--unused-for", "-1"]) == 2
