"""A uv workspace: its root is found as uv finds it, and any of its members can be bundled."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import uv

from builder import cli
from builder.lock.export import uv_environment
from builder.lock.lock import read_lock, select_wheels
from builder.lock.lockfile import Parts
from builder.lockfiles.uv_lock import UvLock
from builder.lockfiles.workspace import find_workspace
from bundle.target import host_target
from shared.errors import BuildError, UsageError
from tests.builder.backends.projects import BACKEND
from tests.builder.small_project import _quick, build, made  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
ROOT = '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/apart"]\n'


def member(folder: Path, name: str, *needs: str, more: str = "") -> None:
    """Make a package with a script of its name that needs other members."""
    module = name.replace("-", "_")
    (folder / "src" / module).mkdir(parents=True)
    (folder / "src" / module / "__init__.py").write_text("def main():\n    print('hi')\n")
    scripts = {name: f"{module}:main"}
    text = BACKEND.format(name=module, version="1.0", scripts=scripts, requires=[], more=[], first="    pass")
    (folder / "backend.py").write_text(text)
    sources = "".join(f"{need} = {{ workspace = true }}\n" for need in needs)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1.0"\nrequires-python = ">=3.9"\ndependencies = {json.dumps(needs)}\n'
        f'[project.scripts]\n{name} = "{module}:main"\n{more}{SYSTEM}[tool.uv.sources]\n{sources}'
    )


def locked(root: Path) -> Path:
    argv = [uv.find_uv_bin(), "lock", "--offline", "--quiet"]
    subprocess.run(argv, cwd=root, check=True, env=uv_environment(os.environ))
    return root


@pytest.fixture
def virtual(tmp_path: Path) -> Path:
    """Return a workspace whose root is no project: a web application, a library that it needs, a tool, one apart."""
    root = tmp_path / "virtual"
    member(root / "packages/web", "web", "lib-a")
    member(root / "packages/lib", "lib-a")
    member(root / "packages/tool", "tool")
    member(root / "packages/apart", "apart")
    (root / "pyproject.toml").write_text(ROOT)
    return locked(root)


def names(selection) -> set[str]:
    return {source.name for source in selection.sources}


@pytest.mark.parametrize("start", ["packages/web", "packages/web/src/web"])
def test_the_member_of_the_folder_is_bundled_with_the_lock_of_the_root(virtual, start):
    found = find_workspace(virtual / start)
    assert (found.root, found.project) == (virtual, virtual / "packages/web")
    assert names(select_wheels(read_lock(UvLock(found)), host_target())) == {"web", "lib-a"}


def test_the_first_named_package_is_the_product_and_the_others_come_along(virtual):
    found = find_workspace(virtual / "packages/tool", ["Lib_A", "web", "tool", "web"])
    assert [(one.name, one.folder.name) for one in found.chosen] == [("lib-a", "lib"), ("web", "web"), ("tool", "tool")]
    sources = select_wheels(read_lock(UvLock(found)), host_target()).sources
    assert {(one.name, one.place) for one in sources} == {
        ("lib-a", str(virtual / "packages/lib")),
        ("web", str(virtual / "packages/web")),
        ("tool", str(virtual / "packages/tool")),
    }


def test_a_root_without_a_project_names_the_packages_to_choose_from(virtual):
    with pytest.raises(UsageError) as caught:
        find_workspace(virtual)
    assert str(virtual) in caught.value.what
    assert caught.value.advice == "Specify one of its packages with --package: lib-a, tool, web."
    with pytest.raises(UsageError, match="nope is not a package of the workspace") as caught:
        find_workspace(virtual / "packages/web", ["nope"])
    assert "lib-a, tool, web" in (caught.value.advice or "")


def test_an_extra_that_a_member_does_not_define_is_refused_in_its_name(virtual):
    with pytest.raises(BuildError, match=r"web has no extra named nope\.") as caught:
        read_lock(UvLock(find_workspace(virtual, ["web"])), Parts(("nope",)))
    assert caught.value.advice == "Specify one that the pyproject.toml of web defines."


def test_an_excluded_folder_and_one_in_no_workspace_are_projects_of_their_own(virtual, tmp_path):
    assert find_workspace(virtual / "packages/apart").root == virtual / "packages/apart"
    member(tmp_path / "alone", "alone")
    alone = find_workspace(tmp_path / "alone")
    assert (alone.root, alone.project, alone.packages) == (tmp_path / "alone", tmp_path / "alone", ())


def test_a_root_that_is_a_project_is_bundled_unless_another_is_named(tmp_path):
    member(tmp_path, "app", "lib-a", more=ROOT)
    member(tmp_path / "packages/lib", "lib-a", "other")
    member(tmp_path / "packages/other", "other")
    locked(tmp_path)
    root = find_workspace(tmp_path)
    assert (root.project, root.packages) == (tmp_path, ())
    assert names(select_wheels(read_lock(UvLock(root)), host_target())) == {"app", "lib-a", "other"}
    assert names(select_wheels(read_lock(UvLock(find_workspace(tmp_path, ["other"]))), host_target())) == {"other"}


@pytest.mark.parametrize("broken", ["", "[project]\nversion = '1'\n", "[project\n"])
def test_a_broken_project_is_refused_in_words_of_the_file(tmp_path, broken):
    with pytest.raises(UsageError, match="pyproject"):
        find_workspace(tmp_path)
    (tmp_path / "pyproject.toml").write_text(broken)
    with pytest.raises(UsageError, match=r"pyproject|no workspace"):
        find_workspace(tmp_path, ["a"])


def test_a_bundle_of_members_is_built_planned_and_rebuilt_from_the_root(virtual, key, tmp_path, capsys):
    for path in ("packages/web/pyproject.toml", "packages/tool/pyproject.toml"):
        text = (virtual / path).read_text()
        (virtual / path).write_text(re.sub(r'dependencies = \["lib-a"\]', "dependencies = []", text))
    locked(virtual)
    arguments = ["--project-root", str(virtual), "--package", "web", "--dry-run", "--json", "--offline"]
    assert cli.main(["build", *arguments]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["product"] == "web 1.0"
    assert plan["python"] == {"versions": [host_target().python], "origin": "running"}
    assert build(virtual / "packages/web", key, tmp_path / "out") == 0
    folder = made(tmp_path / "out")
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    assert [launcher["name"] for launcher in manifest["application"]["launchers"]] == ["web"]
    assert {entry["path"] for entry in manifest["files"] if entry["kind"] == "source"} == {
        "03_Source/backend.py",
        "03_Source/pyproject.toml",
        "03_Source/src/web/__init__.py",
    }
    again = ["rebuild", "--check", str(folder), "--project-root", str(virtual), "--offline"]
    assert cli.main([*again, "--cache-dir", str(tmp_path / "cache")]) == 0


def test_two_packages_with_one_script_name_are_refused(virtual, key, tmp_path, capsys):
    for name in ("web", "tool"):
        path = virtual / f"packages/{name}/pyproject.toml"
        path.write_text(re.sub(r"(?m)^(web|tool) = \"", 'serve = "', path.read_text()))
    locked(virtual)
    assert build(virtual, key, tmp_path / "out", "--package", "web", "--package", "tool") == 7
    assert "Two of the packages have a script named serve." in capsys.readouterr().err


def test_a_root_without_commands_is_told_the_members_that_have_some(tmp_path, key, capsys):
    root = tmp_path / "root"
    member(root / "packages/web", "web")
    member(root / "packages/lib", "lib-a")
    without = root / "packages/lib/pyproject.toml"
    without.write_text(re.sub(r"\[project\.scripts\]\n.*\n", "", without.read_text()))
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "all"\nversion = "1.0"\nrequires-python = ">=3.9"\ndependencies = []\n{ROOT}'
    )
    locked(root)
    assert build(root, key, tmp_path / "out", "--dry-run") == 7
    said = capsys.readouterr().err
    assert "The bundle would have no command" in said
    assert "Specify a package of the workspace that has commands with --package: web." in said


@pytest.mark.parametrize("package", [False, True], ids=["no package", "a package without code"])
def test_a_root_without_commands_has_those_of_the_members_that_it_requires(tmp_path, key, package):
    root = tmp_path / "root"
    member(root / "packages/web", "web")
    member(root / "packages/tool", "tool")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "all"\nversion = "1.0"\nrequires-python = ">=3.9"\ndependencies = ["web"]\n'
        f"{ROOT}[tool.uv.sources]\nweb = {{ workspace = true }}\n{SYSTEM if package else ''}"
    )
    backend = BACKEND.format(name="all", version="1.0", scripts={}, requires=["web"], more=[], first="    pass")
    (root / "backend.py").write_text(backend)
    locked(root)
    assert build(root, key, tmp_path / "out", "--dry-run") == 0
    assert build(root, key, tmp_path / "out") == 0
    manifest = json.loads((made(tmp_path / "out") / "MANIFEST.json").read_bytes())
    assert [one["name"] for one in manifest["application"]["launchers"]] == ["web"]
    assert "web" in [one["name"] for one in manifest["packages"]]


def test_members_that_have_commands_are_named_first(tmp_path):
    root = tmp_path / "root"
    for name in ("a-lib", "web"):
        member(root / "packages" / name, name)
    without = root / "packages/a-lib/pyproject.toml"
    without.write_text(re.sub(r"\[project\.scripts\]\n.*\n", "", without.read_text()))
    (root / "pyproject.toml").write_text(ROOT)
    with pytest.raises(UsageError) as caught:
        find_workspace(locked(root))
    assert "with --package: web, a-lib." in caught.value.advice
