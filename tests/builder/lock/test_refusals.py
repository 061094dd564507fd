"""What uv refuses is refused in words of its own: each case is made for real, and read by the uv that builds."""

from __future__ import annotations

import subprocess

import pytest
import uv

from builder.lock.lock import read_lock
from builder.lock.lockfile import Parts
from builder.lockfiles.uv_lock import UvLock
from shared.errors import BuildError
from tests.wheels import make_wheel

PROJECT = """\
[project]
name = "words"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["local", "made"]

[project.optional-dependencies]
cpu = ["made>=1"]
gpu = ["made>=1"]

[dependency-groups]
one = ["made>=1"]
two = ["made>=1"]

[tool.uv]
conflicts = [[{extra = "cpu"}, {extra = "gpu"}], [{group = "one"}, {group = "two"}], [{extra = "cpu"}, {group = "two"}]]

[tool.uv.sources]
local = { path = "parts/my local" }
made = { path = "made-1.0-py3-none-any.whl" }
"""
MEMBERS = """\
[tool.uv.sources]
local = { workspace = true }
made = { path = "made-1.0-py3-none-any.whl" }

[tool.uv.workspace]
members = ["parts/*"]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A locked project with a wheel and a folder of its own, and extras and groups that conflict."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "project"
    (root / "parts/my local").mkdir(parents=True)
    (root / "parts/my local/pyproject.toml").write_text('[project]\nname = "local"\nversion = "1.0"\n')
    (root / "made-1.0-py3-none-any.whl").write_bytes(make_wheel("made", "1.0"))
    lock(root, PROJECT)
    return root


def lock(root, text):
    (root / "pyproject.toml").write_text(text)
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet", "--offline", "--project", root], check=True)


def refused(root, **chosen):
    with pytest.raises(BuildError) as caught:
        read_lock(UvLock(root), Parts(**chosen))
    return caught.value.what, caught.value.advice


def test_an_extra_or_a_group_that_does_not_exist_is_named_with_those_that_do(project):
    read_lock(UvLock(project), Parts(("cpu",), ("one",)))
    what, advice = refused(project, extras=["cpux"])
    assert (what, advice) == (
        f"{project} has no extra named cpux.",
        "Specify one that pyproject.toml defines: cpu, gpu.",
    )
    what, advice = refused(project, groups=["three"])
    assert (what, advice) == (
        f"{project} has no dependency group named three.",
        "Specify one that pyproject.toml defines: one, two.",
    )


@pytest.mark.parametrize(
    ("extras", "groups", "names"),
    [
        (["cpu", "gpu"], [], "cpu, gpu"),
        ([], ["one", "two"], "one, two"),
        (["cpu"], ["two"], "cpu, two"),
    ],
)
def test_extras_and_groups_that_conflict_are_named(project, extras, groups, names):
    what, advice = refused(project, extras=extras, groups=groups)
    assert what.startswith(f"{names} cannot be in one bundle: the project declares that they conflict")
    assert advice.startswith("Build a bundle for each of them")


def test_a_lock_of_a_newer_format_is_told_from_a_damaged_one(project):
    file = project / "uv.lock"
    good = file.read_text()
    file.write_text(good.replace("version = 1\n", "version = 2\n", 1))
    what, advice = refused(project)
    assert what.startswith(f"{file} has format 2, but uv ")
    assert what.endswith(" reads format 1.")
    assert advice.startswith("Use a newer builder")
    file.write_text("<<<<<<< HEAD\n" + good)
    what, advice = refused(project)
    assert what == f"{file}, line 1: key with no value, expected `=`."
    assert advice.startswith("Restore it from version control")
    file.write_text(good.replace('source = { directory = "parts/my local" }\n', ""))
    what, _advice = refused(project)
    assert f"{file}, line " in what
    assert what.endswith(": missing field `source`.")


def test_a_file_or_a_folder_that_is_missing_is_named(project):
    folder, file = project / "parts/my local", project / "made-1.0-py3-none-any.whl"
    (folder / "pyproject.toml").unlink()
    what, advice = refused(project)
    assert what == f"{project / 'uv.lock'} lists {folder}, which has neither pyproject.toml nor setup.py."
    assert "git submodule update --init" in advice
    folder.rmdir()
    assert refused(project)[0] == f"{project / 'uv.lock'} lists {folder}, which does not exist."
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "local"\nversion = "1.0"\n')
    file.unlink()
    what, advice = refused(project)
    assert what == f"{project / 'uv.lock'} lists {file}, which does not exist."
    assert advice.startswith("Restore it")


def test_a_member_that_is_missing_is_named(project):
    lock(project, PROJECT.partition("[tool.uv.sources]")[0] + MEMBERS)
    read_lock(UvLock(project))
    (project / "parts").rename(project / "elsewhere")
    what, advice = refused(project)
    assert what == f"{project / 'pyproject.toml'} takes local from its workspace, which has no such member."
    assert advice.startswith("Restore the folder of local")
