"""A project that is a package, built through the command line: its wheel, its launchers and its version."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from builder import cli
from builder.backends import enclosure
from builder.project.project import may_have_commands
from shared.processes import process
from tests.builder.backends.projects import Project, lock
from tests.builder.small_project import _quick, build, made  # noqa: F401
from tests.builder.sources import commit
from tests.wheels import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_network_settings", "_quick")
TAGGED = "VERSION = subprocess.check_output(['git', 'describe', '--tags'], text=True).strip()[1:]"


def manifest(output: Path) -> dict:
    return dict(json.loads((made(output) / "MANIFEST.json").read_bytes()))


def ready(folder: Path, project: Project) -> Path:
    project.write(folder)
    if not project.scripts:
        (folder / "ragtrace-profile.toml").write_text('no_commands = "a library"\n')
    lock(folder)
    return folder


def test_the_project_is_a_package_like_any_other_and_its_wheel_says_what_is_started(tmp_path, key):
    project = ready(tmp_path / "project", Project(scripts={"thing-run": "thing:main [x]"}))
    assert build(project, key, tmp_path / "out") == 0
    found = manifest(tmp_path / "out")
    assert [(one["name"], one["version"]) for one in found["packages"]] == [("thing", "1.0")]
    application = found["application"]
    assert [(one["name"], one["kind"], one["target"]) for one in application["launchers"]] == [
        ("thing-run", "entry", "thing:main")
    ]
    assert (application["import_paths"], application["core_imports"]) == ([], ["thing"])
    assert {"03_Source/pyproject.toml", "03_Source/backend.py"} <= {one["path"] for one in found["files"]}


def test_a_project_that_is_no_package_runs_from_its_source_as_before(tmp_path, key):
    project = tmp_path / "project"
    Project(tail="[tool.uv]\npackage = false\n[project.scripts]\nrun = 'backend:main'\n").write(project)
    lock(project)
    assert build(project, key, tmp_path / "out") == 0
    found = manifest(tmp_path / "out")
    assert found["packages"] == []
    assert (found["application"]["import_paths"], found["application"]["core_imports"]) == (["."], ["backend"])


def test_what_a_profile_states_about_the_source_holds(tmp_path, key):
    project = ready(tmp_path / "project", Project(scripts={"thing-run": "thing:main"}))
    profile = project / "ragtrace-profile.toml"
    launcher = '[[launchers]]\nname = "run"\nkind = "script"\ntarget = "backend.py"\n'
    for number, paths in enumerate((["."], [])):
        stated = f"import_paths = {json.dumps(paths)}\n" if paths else ""
        profile.write_text(f'name = "Thing"\n{stated}{launcher}')
        assert build(project, key, tmp_path / f"out{number}") == 0
        application = manifest(tmp_path / f"out{number}")["application"]
        assert application["import_paths"] == paths
        assert [one["name"] for one in application["launchers"]] == ["run", "thing-run"]


def test_a_dynamic_version_is_the_wheels_and_rebuild_gives_the_same_bytes(tmp_path, key, monkeypatch, capsys):
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_INDEX_URL", (tmp_path / "no-index").as_uri())
    (index / "tool-1.0-py3-none-any.whl").write_bytes(make_wheel("tool", "1.0", {"tool.py": "VERSION = '1'\n"}))
    first = f"import tool\nSAID = tool.VERSION\n{TAGGED}"
    project = Project(dynamic=True, build_requires=("tool",), first=first, scripts={"run": "thing:main"}).write(
        tmp_path / "project"
    )
    for tag in ("v4.1", "v4.2"):
        commit(project)
        subprocess.run(["git", "-C", project, "tag", tag], check=True)
        lock(project)
    assert build(project, key, tmp_path / "out") == 0
    bundle = made(tmp_path / "out")
    found = manifest(tmp_path / "out")
    assert (found["product"]["version"], bundle.name.startswith("thing-4.2-")) == ("4.2", True)
    record = (project / "ragtrace-build.lock").read_text()
    assert 'file = "tool-1.0-py3-none-any.whl"' in record
    # rebuilt elsewhere, later: newer build requirements have come, and the project has lost its record
    (project / "ragtrace-build.lock").unlink()
    (index / "tool-2.0-py3-none-any.whl").write_bytes(make_wheel("tool", "2.0", {"tool.py": "VERSION = '2'\n"}))
    places = ["--check", bundle, "--project-root", project, "--cache-dir", tmp_path / "cache2"]
    assert cli.main(["rebuild", *map(str, places), "--quiet"]) == 0, capsys.readouterr()
    assert not (project / "ragtrace-build.lock").exists()


def test_a_rebuild_takes_a_wheel_that_was_built_elsewhere_from_the_bundle(tmp_path, key, capsys):
    project = ready(tmp_path / "project", Project(first="raise RuntimeError('no compiler here')"))
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    wheel.write_bytes(make_wheel("thing", "1.0"))
    assert build(project, key, tmp_path / "out", "--wheel", str(wheel)) == 0
    wheel.unlink()
    places = ["--check", made(tmp_path / "out"), "--project-root", project, "--cache-dir", tmp_path / "cache2"]
    assert cli.main(["rebuild", *map(str, places), "--quiet"]) == 0, capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("other-1.0-py3-none-any.whl", "the lockfile has no package other that is built from source", 2),
        ("thing.zip", "does not have the file name of a wheel", 2),
        ("thing-2.0-py3-none-any.whl", "is thing 2.0, but the lockfile has 1.0", 2),
        ("thing-1.0-py3-none-any.whl", "is not a wheel", 2),
    ],
)
def test_a_given_wheel_that_is_not_the_locks_is_refused(tmp_path, key, capsys, name, text, code):
    project = ready(tmp_path / "project", Project())
    is_wheel = text != "is not a wheel" and "-" in name
    (tmp_path / name).write_bytes(make_wheel(*name.split("-")[:2]) if is_wheel else b"")
    assert build(project, key, tmp_path / "out", "--wheel", str(tmp_path / name)) == code
    assert text in capsys.readouterr().err


def test_dependencies_that_only_the_backend_knows_are_compared_once_the_wheel_is_built(
    tmp_path, key, monkeypatch, capsys
):
    index, root = tmp_path / "index", tmp_path / "project"
    index.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_INDEX_URL", (tmp_path / "no-index").as_uri())
    (index / "tool-1.0-py3-none-any.whl").write_bytes(make_wheel("tool", "1.0", {"tool.py": ""}))
    Project("given").write(root / "given")
    sources = '[tool.uv.sources]\ngiven = { path = "given" }\n'
    Project(requires=("given>=1",), build_requires=("tool",), scripts={"run": "thing:main"}, tail=sources).write(root)
    path = root / "pyproject.toml"
    path.write_text(path.read_text().replace("dependencies = ['given>=1']", 'dynamic = ["dependencies"]'))
    lock(root)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))  # as on another machine
    assert build(root, key, tmp_path / "out") == 0, capsys.readouterr()
    assert [one["name"] for one in manifest(tmp_path / "out")["packages"]] == ["given", "thing"]
    (root / "backend.py").write_text((root / "backend.py").read_text().replace("['given>=1']", "[]"))
    assert build(root, key, tmp_path / "out") == 7
    assert "does not have what thing-1.0-py3-none-any.whl requires of given" in capsys.readouterr().err


def test_two_members_with_one_script_are_refused(tmp_path, key, capsys):
    Project("inner", scripts={"run": "inner:main"}).write(tmp_path / "project" / "inner")
    tail = '[tool.uv.sources]\ninner = { workspace = true }\n[tool.uv.workspace]\nmembers = ["inner"]\n'
    project = Project(requires=("inner",), scripts={"run": "thing:main"}, tail=tail)
    assert build(ready(tmp_path / "project", project), key, tmp_path / "out") == 7
    reported = capsys.readouterr().err
    assert "inner and thing both install the script run." in reported
    assert "  next: Rename it in one of the two" in reported


def test_two_members_with_one_script_for_one_function_install_it_once(tmp_path, key):
    Project("inner", scripts={"run": "inner:main"}).write(tmp_path / "project" / "inner")
    tail = '[tool.uv.sources]\ninner = { workspace = true }\n[tool.uv.workspace]\nmembers = ["inner"]\n'
    project = Project(requires=("inner",), scripts={"run": "inner:main"}, tail=tail)
    assert build(ready(tmp_path / "project", project), key, tmp_path / "out") == 0
    found = manifest(tmp_path / "out")
    assert [(one["name"], one["target"]) for one in found["application"]["launchers"]] == [("run", "inner:main")]


@pytest.mark.parametrize(("more", "foreseen"), [("", True), ('dynamic = ["scripts"]\n', False)])
def test_a_project_that_states_no_script_is_refused_by_the_dry_run(tmp_path, more, foreseen):
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "thing"\n{more}[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n'
    )
    assert may_have_commands(tmp_path) is not foreseen
    (tmp_path / "src" / "thing").mkdir(parents=True)
    (tmp_path / "src" / "thing" / "__main__.py").write_text("")
    assert may_have_commands(tmp_path)


def test_a_wheel_that_requires_what_the_lock_does_not_have_is_refused(tmp_path, key, capsys):
    project = ready(tmp_path / "project", Project())
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    wheel.write_bytes(make_wheel("thing", "1.0", requires=('idna>=3 ; python_version >= "3"', "x ; extra == 'more'")))
    assert build(project, key, tmp_path / "out", "--wheel", str(wheel)) == 7
    assert "requires idna>=3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("key.pem", "-----BEGIN RSA PRIVATE " + "KEY-----\n", "contains a secret"), (".env", "A=1\n", "machine-specific")],
)
def test_what_may_not_travel_is_not_in_the_wheel_either(tmp_path, key, capsys, name, text, reason):
    project = ready(tmp_path / "project", Project(scripts={"run": "thing:main"}))
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    script = {"thing-1.0.dist-info/entry_points.txt": "[console_scripts]\nrun = thing:main\n"}
    wheel.write_bytes(make_wheel("thing", "1.0", {"thing/__init__.py": "", f"thing/{name}": text, **script}))
    assert build(project, key, tmp_path / "out", "--wheel", str(wheel)) == 7
    reported = capsys.readouterr().err
    assert f"contains thing/{name}: {reason}" in reported
    assert "allow_secrets" in reported
    profile = f"[source]\nallow_secrets = ['src/thing/{name}']\n"
    (project / "ragtrace-profile.toml").write_text(profile)
    assert build(project, key, tmp_path / "out", "--wheel", str(wheel)) == 0


def test_a_link_loop_and_a_backend_that_packs_no_wheel_are_no_bugs(tmp_path, key, capsys):
    first = "import atexit\nopen(os.path.join(folder, f'{NAME}-{VERSION}-{TAG}.whl'), 'w').write('no zip')\n"
    project = Project(scripts={"run": "thing:main"}, first=f"{first}return f'{{NAME}}-{{VERSION}}-{{TAG}}.whl'")
    folder = ready(tmp_path / "project", project)
    (folder / "loop").symlink_to("loop")
    commit(folder)
    assert build(folder, key, tmp_path / "out") == 7
    assert "built no readable wheel" in capsys.readouterr().err


def test_a_frozen_lock_builds_the_project_as_it_is(tmp_path, key):
    project = ready(tmp_path / "project", Project(scripts={"run": "thing:main"}))
    Project(version="1.1", scripts={"run": "thing:main"}).write(project)
    assert build(project, key, tmp_path / "out") == 7
    assert build(project, key, tmp_path / "out", "--frozen") == 0
    assert [one["version"] for one in manifest(tmp_path / "out")["packages"]] == ["1.1"]


def test_a_module_that_the_wheel_lacks_is_the_sources_as_in_an_editable_installation(tmp_path, key, capsys):
    folder = tmp_path / "project"
    Project(scripts={"thing-run": "beside:main"}).write(folder)
    lock(folder)
    assert build(folder, key, tmp_path / "out") == 7
    assert "The command thing-run starts the module beside, which no package" in capsys.readouterr().err
    (folder / "beside.py").write_text("def main(): pass\n")
    assert build(folder, key, tmp_path / "out") == 0
    application = manifest(tmp_path / "out")["application"]
    assert (application["import_paths"], application["core_imports"]) == (["."], ["thing"])


def test_a_command_that_needs_an_extra_is_named_unless_the_extra_is_included(tmp_path, key, caplog):
    tail = "[project.optional-dependencies]\nMy_Cli = []\n"
    project = ready(tmp_path / "project", Project(scripts={"thing-run": "thing:main [my-cli]"}, tail=tail))
    with (project / "pyproject.toml").open("a") as file:
        file.write('[project.scripts]\nthing-run = "thing:main [my-cli]"\n')
    lock(project)
    warned = "The command thing-run needs extras that are not included: add --extra my-cli."
    assert build(project, key, tmp_path / "out", "--dry-run") == 0
    assert warned in caplog.messages
    caplog.clear()
    assert build(project, key, tmp_path / "out", "--dry-run", "--extra", "my-cli") == 0
    assert warned not in caplog.messages


def test_the_time_of_a_build_is_what_the_command_line_gives(tmp_path, key, capsys, monkeypatch):
    given = []

    def run(_argv, _enclosure, *, timeout, **_more):
        given.append(timeout)
        return process.Completed((), -9, "", "", timed_out=True)

    monkeypatch.setattr(enclosure, "run", run)
    project = ready(tmp_path / "project", Project(scripts={"thing-run": "thing:main"}))
    assert build(project, key, tmp_path / "out", "--build-timeout", "7") == 7
    assert "time limit" in capsys.readouterr().err
    assert given == [7]
