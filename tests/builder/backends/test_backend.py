"""What a build may do and see, and what is said of one that goes beyond."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from builder.backends import enclosure
from builder.lock.build_lock import read_build_lock, write_build_lock
from builder.lock.gaps import MissingWheelsError
from builder.lock.locked import LockedSource
from builder.wheels.builds import build_wheels
from bundle.target import host_target, parse_target
from shared.errors import BuildError
from shared.processes import process
from shared.terminal import commandline
from tests.builder.backends.projects import Project, workshop_in
from tests.builder.sources import commit
from tests.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("no_network_settings")
enclosed = pytest.mark.skipif(not enclosure.is_available(), reason="this machine allows no namespaces")
SEEN = """
import socket
keys = [path for path in PATHS if os.path.lexists(path)]
ways = [name for _number, name in socket.if_nameindex()]
SAID = json.dumps({"keys": keys, "ways": ways, "names": sorted(os.environ), "home": os.environ["HOME"]})
"""


@pytest.fixture
def workshop(tmp_path):
    return workshop_in(tmp_path / "cache")


def build(project: Path, workshop, *, version: str = "", name: str = "thing"):
    (built,) = build_wheels([LockedSource(name, version, "folder", str(project))], host_target(), workshop)
    return built


def said(built, workshop) -> str:
    path = workshop.fetching.cache.root / "sha256" / built.wheel.sha256[:2] / built.wheel.sha256
    with zipfile.ZipFile(path) as archive:
        return archive.read("thing/said.txt").decode()


def refused(project: Path, workshop) -> BuildError:
    with pytest.raises(BuildError) as caught:
        build(project, workshop)
    assert commandline.exit_code(caught.value) == 7
    assert caught.value.advice
    return caught.value


@enclosed
def test_a_build_sees_no_key_no_agent_no_home_no_cache_and_no_network(tmp_path, workshop, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("UV_INDEX_PRIVATE_PASSWORD", "secret")
    places = [tmp_path / "key", home / ".netrc", workshop.fetching.cache.root / "x"]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.write_text("secret")
    paths = [*map(str, places), str(tmp_path / "project"), "/etc/shadow", "/root/.ssh", "/run", "/var"]
    project = Project(first=SEEN.replace("PATHS", repr(paths)))
    seen = json.loads(said(build(project.write(tmp_path / "project"), workshop), workshop))
    assert (seen["keys"], seen["ways"]) == ([], ["lo"])
    assert not {"SSH_AUTH_SOCK", "UV_INDEX_PRIVATE_PASSWORD", "XDG_RUNTIME_DIR"} & set(seen["names"])
    assert seen["home"] != str(home)


@enclosed
def test_a_build_that_uses_the_network_is_named_with_how_to_bring_what_it_wants(tmp_path, workshop):
    first = "import urllib.request\nurllib.request.urlopen('https://example.test/data.bin')"
    error = refused(Project(first=first).write(tmp_path / "project"), workshop)
    assert error.what.startswith("The build of thing uses the network, which a build does not have: ")
    assert "--wheel FILE" in error.advice


@enclosed
def test_a_build_that_writes_outside_its_folder_changes_nothing_and_is_named(tmp_path, workshop):
    place = Path(sys.base_prefix) / "written-by-a-build"
    error = refused(Project(first=f"open({str(place)!r}, 'w')").write(tmp_path / "project"), workshop)
    assert error.what == f"The build of thing writes outside its own folder: {str(place)!r}"
    assert not place.exists()


def test_a_build_that_never_ends_is_ended(tmp_path, workshop):
    hurried = replace(workshop, limit=1)
    error = refused(Project(first="while True: pass").write(tmp_path / "project"), hurried)
    assert error.what == "thing could not be built from source: the build exceeded its time limit"
    assert "--build-timeout SECONDS" in error.advice


def test_the_time_of_a_build_is_what_the_workshop_says(tmp_path, workshop, monkeypatch):
    given = []

    def run(_argv, _enclosure, *, timeout, **_more):
        given.append(timeout)
        return process.Completed((), -9, "", "", timed_out=True)

    monkeypatch.setattr(enclosure, "run", run)
    refused(Project().write(tmp_path / "project"), replace(workshop, limit=7))
    assert given == [7]


def test_the_whole_output_of_a_build_that_failed_is_in_a_file_that_is_named(tmp_path, workshop):
    first = "print('compiling part 1 of 3')\nraise RuntimeError('no compiler: ' + 'x' * 500)"
    error = refused(Project(first=first).write(tmp_path / "project"), workshop)
    (log,) = (workshop.fetching.cache.root / "build-logs").iterdir()
    assert error.advice.endswith(f"Its output is in {log}.")
    assert "compiling part 1 of 3" in log.read_text()


def test_without_namespaces_a_build_goes_on_and_that_is_said(tmp_path, workshop, monkeypatch):
    warned: list[str] = []
    monkeypatch.setattr(enclosure, "is_available", lambda: False)
    monkeypatch.setattr(workshop.fetching.progress, "warn", warned.append)
    assert build(Project().write(tmp_path / "project"), workshop).wheel.version == "1.0"
    assert len(warned) == 1
    assert "no namespaces" in warned[0]


def test_the_version_is_what_the_tags_say_and_a_change_makes_it_another(tmp_path, workshop):
    first = "VERSION = subprocess.check_output(['git', 'describe', '--tags', '--dirty=+dirty'], text=True).strip()[1:]"
    place = Project(first=first, dynamic=True).write(tmp_path / "repository" / "inner")
    commit(tmp_path / "repository")
    git(tmp_path / "repository", "tag", "v2.5")
    git(tmp_path / "repository", "remote", "add", "origin", "https://user:secret@example.test/x")
    assert build(place, workshop).wheel.version == "2.5"
    git(tmp_path / "repository", "tag", "-d", "v2.5")
    git(tmp_path / "repository", "tag", "v3.0")
    assert build(place, workshop).wheel.version == "3.0"
    (place / "backend.py").write_text((place / "backend.py").read_text() + "\n")
    assert build(place, workshop).wheel.version == "3.0+dirty"


def test_a_git_dependency_has_the_tags_that_its_version_comes_from(tmp_path, workshop):
    first = "VERSION = subprocess.check_output(['git', 'describe', '--tags'], text=True).strip()[1:].split('-')[0]"
    place = Project(first=first, dynamic=True).write(tmp_path / "repository")
    commit(place)
    git(place, "tag", "v2.5")
    (place / "more.txt").write_text("")
    pin = commit(place)
    source = LockedSource("thing", "2.5", "git", place.as_uri(), pin)
    (built,) = build_wheels([source], host_target(), workshop)
    assert built.wheel.version == "2.5"


def test_requirements_are_resolved_once_and_recorded_with_their_hashes(tmp_path, workshop, monkeypatch):
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_INDEX_URL", (tmp_path / "no-index").as_uri())
    for name in ("tool", "late"):
        put(index, name, "1.0")
    first = "import late, tool\nSAID = f'{late.VERSION} {tool.VERSION}'"
    place = Project(build_requires=("tool",), more=("late>=1",), first=first).write(tmp_path / "project")
    built = build(place, workshop)
    assert said(built, workshop) == "1.0 1.0"
    (tmp_path / "record").write_bytes(write_build_lock(workshop.record.known.values()))
    record = read_build_lock(tmp_path / "record")
    assert record.known == workshop.record.known
    assert [one.asked.requires for one in built.resolutions] == [("tool",), ("late>=1", "tool")]
    put(index, "tool", "2.0")
    again = replace(workshop_in(tmp_path / "cache2"), record=record)
    assert build(place, again) == replace(built, wheel=build(place, again).wheel)
    assert build(place, again).wheel.sha256 == built.wheel.sha256
    anew = workshop_in(tmp_path / "cache3")
    assert said(build(place, anew), anew) == "1.0 2.0"


def test_a_requirement_without_a_wheel_is_refused(tmp_path, workshop, monkeypatch):
    monkeypatch.setenv("UV_INDEX_URL", (tmp_path / "no-index").as_uri())
    error = refused(Project(build_requires=("nowhere",)).write(tmp_path / "project"), workshop)
    assert error.what.startswith("The build requirements nowhere cannot be resolved to wheels: ")


def test_a_wheel_that_was_built_elsewhere_serves_a_target_that_a_build_here_does_not(tmp_path, workshop):
    here = host_target()
    native = f"TAG = 'cp{here.python.replace('.', '')}-abi3-linux_{here.architecture}'"
    place = Project(first=f"global TAG\n{native}").write(tmp_path / "project")
    source, target = LockedSource("thing", "1.0", "folder", str(place)), parse_target("windows-amd64", "3.11")
    with pytest.raises(MissingWheelsError, match="--wheel"):
        build_wheels([source], target, workshop)
    paths = []
    tags = {"cp311-cp311-win_amd64": "1.0", "py3-none-macosx_14_0_arm64": "1.0", "py3-none-any": "2.0"}
    for tag, version in tags.items():
        paths.append(tmp_path / f"thing-{version}-{tag}.whl")
        paths[-1].write_bytes(make_wheel("thing", version, tag=tag))
    (built,) = build_wheels([source], target, replace(workshop, given=tuple(paths[:2])))
    assert built.wheel.filename == "thing-1.0-cp311-cp311-win_amd64.whl"
    with pytest.raises(BuildError, match=r"The lockfile has thing 1\.0, but thing 2\.0 was built"):
        build_wheels([source], target, replace(workshop, given=tuple(paths[2:])))


def put(index: Path, name: str, version: str) -> None:
    data = make_wheel(name, version, {f"{name}.py": f"VERSION = {version!r}\n"})
    (index / f"{name}-{version}-py3-none-any.whl").write_bytes(data)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
