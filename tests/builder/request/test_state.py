"""What a bundle says of its source: a commit, or a commit and the files that differ from it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from builder import build as story
from builder import cli
from builder.signing.sign import generate_key
from builder.sources.checkout import changed, untracked
from builder.zipapp import pack
from tests.builder.evidence.test_evidence import members
from tests.builder.evidence_project import stand_in
from tests.builder.sources import commit, lock, make_source
from tests.schemas import validated

PROJECT = """\
[project]
name = "stated"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["lib"]
[project.scripts]
stated = "stated:main"
[tool.uv]
package = false
[tool.uv.sources]
lib = { path = "../lib" }
"""
PROFILE = """\
name = "Stated"
core_imports = ["stated"]
[source]
include = ["stated", "assets"]
exclude = ["assets/left"]
[environment]
template = "settings.env"
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(pack, "build_zipapp", stand_in)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def project(tmp_path):
    """A project and a package beside it in one repository, in a subfolder of it."""
    folder = tmp_path / "repository" / "app"
    make_source(folder.parent / "lib", "lib")
    for path, text in {
        "pyproject.toml": PROJECT,
        "ragtrace-profile.toml": PROFILE,
        "settings.env": "NAME=\n",
        "stated/__init__.py": "def main():\n    print('hi')\n",
        "stated/한글.py": "NAME = 1\n",
        "assets/left/out.txt": "out\n",
        "notes.txt": "notes\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    lock(folder)
    (folder / ".gitignore").write_text("*.log\n")
    commit(folder.parent)
    generate_key(tmp_path / "key", None)
    return folder


def git(folder, *arguments):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.test")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def build(project, *more, out="out"):
    place = project.parent.parent
    argv = ["build", "--project-root", project, "--output-dir", place / out, "--cache-dir", place / "cache"]
    return cli.main([*map(str, argv), "--sign-key", str(place / "key"), *more])


def built(project, capsys, *more, out="out"):
    """Build, and return what is said of the source on stderr, as JSON, in the manifest and in the provenance."""
    capsys.readouterr()
    assert build(project, "--json", *more, out=out) == 0
    reported = capsys.readouterr()
    (facts,) = validated("builder-build", reported.out)["bundles"]
    manifest = json.loads((Path(facts["folder"]) / "MANIFEST.json").read_bytes())
    found = json.loads(members(project.parent.parent / out)["06_Verification/provenance.json"])
    inputs = found["predicate"]["buildDefinition"]["resolvedDependencies"]
    sources = {one["name"]: one for one in inputs if one["name"].startswith("source")}
    return reported.err, json.loads(reported.out)["source_state"], manifest["source_commit"], sources


def planned(project, capsys, *more):
    """Return what a plan says of the source on stderr and as JSON."""
    capsys.readouterr()
    assert build(project, "--dry-run", "--json", *more) == 0
    reported = capsys.readouterr()
    return reported.err, validated("builder-build-dry-run", reported.out)["source_state"]


def test_a_clean_checkout_is_its_commit(project, capsys):
    head = git(project, "rev-parse", "HEAD")
    reported, state, named, sources = built(project, capsys, "--strict-source")
    assert "differ" not in reported
    assert state == {"commit": head, "changed": [], "untracked": [], "uncommitted": []}
    assert named == head
    assert sources == {"source": {"name": "source", "digest": {"gitCommit": head}}}


@pytest.mark.parametrize(
    "path", ["stated/__init__.py", "stated/한글.py", "pyproject.toml", "settings.env", "ragtrace-profile.toml"]
)
def test_a_file_that_differs_is_named_everywhere(project, capsys, path):
    head = git(project, "rev-parse", "HEAD")
    with (project / path).open("a", encoding="utf-8") as file:
        file.write("# other\n")
    reported, state, named, sources = built(project, capsys)
    assert f"1 tracked file differs from commit {head[:12]} and is included as is: {path}" in reported
    assert (state["commit"], state["changed"], named) == (head, [path], f"{head}-dirty")
    assert sources["source"] == {"name": "source", "digest": {"gitCommit": head}, "annotations": {"dirty": True}}
    digest = hashlib.sha256((project / path).read_bytes()).hexdigest()
    assert sources[f"source/{path}"]["digest"] == {"sha256": digest}


def test_a_plan_says_it_too_and_strict_refuses_both(project, capsys):
    (project / "stated/__init__.py").write_text("other\n")
    assert build(project, "--dry-run") == 0
    reported = capsys.readouterr()
    assert "1 tracked file differs" in reported.err
    assert "-dirty" in reported.out
    assert build(project, "--dry-run", "--json") == 0
    assert validated("builder-build-dry-run", capsys.readouterr().out)["source_state"]["changed"] == [
        "stated/__init__.py"
    ]
    for more in (("--dry-run",), ()):
        assert build(project, "--strict-source", *more) == 7
        reported = capsys.readouterr().err
        assert "stated/__init__.py" in reported
        assert "(--strict-source)" in reported
    assert not (project.parent.parent / "out").exists()


def test_what_does_not_go_into_the_bundle_makes_no_difference(project, capsys):
    for path in ("notes.txt", "assets/left/out.txt"):
        (project / path).write_text("other\n")
    (project / "stated/__init__.py").chmod(0o755)  # a bundle holds no permissions
    reported, state, named, _sources = built(project, capsys, "--strict-source")
    assert ("differ" in reported, state["changed"], named.endswith("-dirty")) == (False, [], False)


def test_a_file_that_is_gone_or_new_or_hidden_from_git_differs(project):
    (project / "stated/new.py").write_text("")
    git(project, "add", "stated/new.py")
    git(project, "rm", "-q", "--cached", "stated/한글.py")
    git(project, "update-index", "--assume-unchanged", "stated/__init__.py")
    assert changed(project) == ["stated/new.py", "stated/한글.py"]
    (project / "stated/__init__.py").write_text("other\n")
    assert git(project, "status", "--porcelain", "stated/__init__.py") == ""
    assert changed(project) == ["stated/__init__.py", "stated/new.py", "stated/한글.py"]


def test_a_package_that_is_built_from_a_folder_counts(project, capsys):
    (project.parent / "lib/words.txt").write_text("other\n")
    assert build(project, "--strict-source") == 7
    assert "../lib/words.txt" in capsys.readouterr().err
    _reported, state, named, _sources = built(project, capsys)
    assert state["changed"] == ["../lib/words.txt"]
    assert named.endswith("-dirty")


def test_an_untracked_file_among_those_that_travel_is_named_and_stays_behind(project, capsys):
    for path in ("stated/forgotten.py", "stated/a.log", "elsewhere.txt"):
        (project / path).write_text("")
    reported, state, named, _sources = built(project, capsys, "--strict-source")
    assert "1 file is not tracked by git and is not included: stated/forgotten.py" in reported
    assert (state["untracked"], state["changed"]) == (["stated/forgotten.py"], [])
    assert not named.endswith("-dirty")
    assert untracked(project) == ["elsewhere.txt", "stated/forgotten.py"]
    assert "03_Source/stated/forgotten.py" not in members(project.parent.parent / "out")


def outside(project, path):
    """Give a profile with a program of its own, and a model, in a folder outside or inside of the repository."""
    folder = project / path
    for name, text in {
        "own.toml": PROFILE + "[[launchers]]\nname = 'ask'\nkind = 'program'\ntarget = 'ask.py'\n",
        "ask.py": "print(1)\n",
        "model/vocabulary": "a b\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("path", ["../../elsewhere", "../beside"])
def test_strict_takes_nothing_that_no_commit_of_the_repository_has(project, capsys, path):
    folder, is_apart = outside(project, path), path.startswith("../../")
    more = ("--profile", str(folder / "own.toml"), "--model", f"m=path:{folder / 'model'}")
    names = [f"{path}/ask.py", f"{path}/model" if is_apart else f"{path}/model/vocabulary", f"{path}/own.toml"]
    for again in (False, True) if is_apart else (False,):
        if again:
            commit(folder)  # a repository of its own does not help: a bundle names one commit
        assert build(project, *more, "--strict-source", "--dry-run") == 7
        assert f"goes into the bundle (--strict-source); missing: {', '.join(names)}." in capsys.readouterr().err
    if not is_apart:
        git(project, "add", str(folder))
        git(project, "commit", "-qm", "all")
        assert planned(project, capsys, *more, "--strict-source")[1]["uncommitted"] == []
        (folder / "model/vocabulary").write_text("other\n")
        (folder / "ask.py").write_text("print(2)\n")
        _reported, state = planned(project, capsys, *more)
        assert {*state["uncommitted"], *state["changed"]} == set(names[:2])


def test_a_profile_of_the_builders_is_held_by_its_version(project, capsys, monkeypatch, tmp_path):
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped/own.toml").write_text(PROFILE)
    for module in ("project.profile", "request.state"):
        monkeypatch.setattr(f"builder.{module}.PROFILES", tmp_path / "shipped")
    assert planned(project, capsys, "--profile", "own", "--strict-source")[1]["uncommitted"] == []


def test_a_profile_that_nobody_added_is_told_and_not_strict(project, capsys):
    git(project, "rm", "-q", "--cached", "ragtrace-profile.toml")
    git(project, "commit", "-qm", "without")
    reported, state = planned(project, capsys)
    assert "1 file in the build is not in the commit: ragtrace-profile.toml" in reported
    assert (state["uncommitted"], state["untracked"]) == (["ragtrace-profile.toml"], [])
    assert build(project, "--strict-source", "--dry-run") == 7


def test_a_package_from_a_folder_elsewhere_is_not_strict(project, capsys, tmp_path):
    make_source(tmp_path / "lib", "lib")
    (project / "pyproject.toml").write_text(PROJECT.replace("../lib", "../../lib"))
    lock(project)
    git(project, "commit", "-qam", "elsewhere")
    assert build(project, "--strict-source", "--dry-run") == 7
    assert "(--strict-source); missing: ../../lib." in capsys.readouterr().err


@pytest.mark.parametrize("change", ["dirty", "moved"])
def test_a_submodule_that_is_not_as_the_commit_has_it_is_named(project, capsys, tmp_path, change):
    """Also where git is told to ignore submodules, which is what status and diff would then do."""
    other = make_source(tmp_path / "other", "other")
    commit(other)
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "stated/other")
    git(project, "config", "submodule.app/stated/other.ignore", "all")
    git(project, "config", "diff.ignoreSubmodules", "all")
    git(project, "commit", "-qm", "with a submodule")
    assert changed(project) == []
    file = next(path for path in sorted((project / "stated/other").rglob("*.py")))
    file.write_text("other\n")
    if change == "moved":
        git(file.parent, "commit", "-qam", "further")
    assert git(project, "status", "--porcelain") == ""
    assert changed(project) == ["stated/other"]
    assert build(project, "--strict-source", "--dry-run") == 7
    assert "stated/other" in capsys.readouterr().err


def test_a_folder_without_a_commit_is_not_strict(tmp_path, project, capsys):
    (project.parent / ".git").rename(tmp_path / "git")
    assert build(project, "--strict-source") == 7
    assert "has no commit" in capsys.readouterr().err
    git(project.parent, "init", "-q")
    git(project.parent, "add", ".")
    assert build(project, "--strict-source") == 7
    assert "has no commit" in capsys.readouterr().err


def test_a_file_that_changes_while_it_is_built_ends_the_build(project, capsys, monkeypatch):
    real = story.build_zipapps

    def change_then_build(*arguments):
        (project / "stated/__init__.py").write_text("other\n")
        return real(*arguments)

    monkeypatch.setattr(story, "build_zipapps", change_then_build)
    assert build(project) == 7
    assert "The project changed during the build: stated/__init__.py" in capsys.readouterr().err
    assert not list((project.parent.parent / "out").glob("*"))


def test_a_dirty_bundle_is_built_again_and_said_to_be_dirty(project, capsys):
    (project / "stated/__init__.py").write_text("other\n")
    _reported, _state, _named, _sources = built(project, capsys)
    (sums,) = (project.parent.parent / "out").glob("*/SHA256SUMS")
    argv = ["rebuild", "--check", str(sums.parent), "--project-root", str(project)]
    assert cli.main([*argv, "--cache-dir", str(project.parent.parent / "cache")]) == 0
    assert "built from files that differ from commit" in capsys.readouterr().err


def advice(project, base, capsys, *more):
    capsys.readouterr()
    assert build(project, "--base", str(base), *more, out="delta") == 2
    reported = capsys.readouterr().err
    assert "which is not lower than" in reported
    return reported.partition("next: ")[2]


def test_a_base_that_is_not_before_is_explained_by_its_cause(project, capsys, monkeypatch, tmp_path):
    built(project, capsys)
    (sums,) = (tmp_path / "out").glob("*/SHA256SUMS")
    base = sums.parent
    assert "built from the checked-out commit" in advice(project, base, capsys)
    (project / "pyproject.toml").write_text(PROJECT.replace('"1.0"', '"1.1"'))
    assert "Commit your changes, or use a higher --counter" in advice(project, base, capsys)
    assert "Commit your changes, or use a higher --counter" in advice(project, base, capsys, "--dry-run")
    assert "Use a --counter above" in advice(project, base, capsys, "--counter", "5")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "5")
    assert "Set SOURCE_DATE_EPOCH, which sets the release counter" in advice(project, base, capsys)
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    git(project, "commit", "-qam", "second", "--date=@5")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@5 +0000")
    git(project, "commit", "-q", "--amend", "--no-edit")
    assert "Check out a later commit than the base bundle's" in advice(project, base, capsys)
    (project.parent / ".git").rename(tmp_path / "git")
    monkeypatch.setattr("builder.request.moment.time.time", lambda: 5.0)
    assert "this machine's clock, which sets the release counter" in advice(project, base, capsys)
