from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from builder.backends import workshop as workshops
from builder.backends.workshop import Workshop
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.lock.gaps import MissingWheelsError
from builder.lock.locked import LockedSource
from builder.project.project import UvSettings
from builder.wheels.builds import build_wheels, fits, is_native_here
from bundle.target import host_target, parse_target
from shared.errors import BuildError
from shared.terminal.progress import NoProgress
from tests.builder.sources import commit, make_sdist, make_source
from tests.servers import serve

pytestmark = pytest.mark.usefixtures("no_network_settings")

HERE = host_target()
ABI = f"cp{HERE.python.replace('.', '')}"
NATIVE = f"{ABI}-{ABI}-linux_{HERE.architecture}"
ELSEWHERE = parse_target("windows-amd64", HERE.python)


class Steps(NoProgress):
    """Keeps what was said."""

    def __init__(self):
        self.steps = []

    def step(self, text):
        self.steps.append(text)

    def warn(self, text):
        self.steps.append(text)


@pytest.fixture
def workshop(tmp_path):
    return Workshop(UvSettings(), Fetching(Cache(tmp_path / "cache"), NoProgress()))


def folder(path, version="1.0", name="thing"):
    return LockedSource(name, version, "folder", str(path))


def using(workshop, **changes):
    return replace(workshop, fetching=replace(workshop.fetching, **changes))


def build(source, workshop, target=HERE, progress=None):
    if progress:
        workshop = using(workshop, progress=progress)
    (built,) = build_wheels([source], target, workshop)
    return built.wheel


def contents(workshop, wheel):
    with zipfile.ZipFile(workshop.fetching.cache.root / "sha256" / wheel.sha256[:2] / wheel.sha256) as archive:
        return {info.filename: info for info in archive.infolist()}, archive.read("thing/words.txt")


def test_a_folder_is_built_once_and_again_when_it_changes(tmp_path, workshop):
    place, reported = make_source(tmp_path / "thing", "thing"), Steps()
    first = build(folder(place), workshop, progress=reported)
    assert (first.filename, first.name, first.version) == ("thing-1.0-py3-none-any.whl", "thing", "1.0")
    assert contents(workshop, first)[1] == b"words\n"
    assert build(folder(place), workshop, progress=reported) == first
    assert reported.steps == ["Building thing 1.0 from source"]
    (place / "words.txt").write_text("other\n")
    second = build(folder(place), workshop, progress=reported)
    assert second.sha256 != first.sha256
    assert contents(workshop, second)[1] == b"other\n"
    assert len(reported.steps) == 2


def test_a_build_leaves_nothing_in_the_folder_and_sees_tracked_files_alone(tmp_path, workshop):
    place = make_source(tmp_path / "thing", "thing")
    commit(place)
    (place / "private.txt").write_text("not tracked")
    before = sorted(path.name for path in place.iterdir())
    names, _words = contents(workshop, build(folder(place), workshop))
    assert "thing/private.txt" not in names
    assert sorted(path.name for path in place.iterdir()) == before


def test_the_same_source_gives_the_same_bytes_whatever_its_times_and_modes(tmp_path):
    digests = set()
    for number, mask in ((1, 0o022), (2, 0o077)):
        previous = os.umask(mask)
        try:
            place = make_source(tmp_path / f"place{number}" / "thing", "thing")
            os.utime(place / "words.txt", (number * 10**9, number * 10**9))
            other = Workshop(UvSettings(), Fetching(Cache(tmp_path / f"cache{number}"), NoProgress()))
            wheel = build(folder(place), other)
            digests.add(wheel.sha256)
        finally:
            os.umask(previous)
        infos, _words = contents(other, wheel)
        assert {info.date_time for info in infos.values()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in infos.values()} == {0o100644}
    assert len(digests) == 1


def test_an_altered_wheel_in_the_cache_is_built_again(tmp_path, workshop):
    place, reported = make_source(tmp_path / "thing", "thing"), Steps()
    wheel = build(folder(place), workshop)
    path = workshop.fetching.cache.root / "sha256" / wheel.sha256[:2] / wheel.sha256
    path.write_bytes(b"altered")
    assert build(folder(place), workshop, progress=reported) == wheel
    assert "was modified in the cache" in reported.steps[0]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == wheel.sha256


def test_a_source_archive_is_fetched_checked_and_built(tmp_path, workshop):
    data = make_sdist(make_source(tmp_path / "thing", "thing"), "thing")
    with serve({"/thing-1.0.tar.gz": data}) as site:
        source = LockedSource(
            "thing",
            "1.0",
            "sdist",
            f"{site.url}/thing-1.0.tar.gz",
            hashlib.sha256(data).hexdigest(),
            "",
            "thing-1.0.tar.gz",
            len(data),
        )
        wheel = build(source, workshop)
        assert contents(workshop, wheel)[1] == b"words\n"
        assert build(source, using(workshop, offline=True)) == wheel
        assert len(site.seen) == 1
        with pytest.raises(BuildError, match=r"Digest mismatch for thing-1\.0\.tar\.gz"):
            build(replace(source, pin="0" * 64), workshop)


def test_a_commit_of_a_repository_is_built_from_its_subfolder(tmp_path, workshop):
    repository = tmp_path / "repository"
    make_source(repository / "inner" / "thing", "thing")
    pin = commit(repository)
    (repository / "inner" / "thing" / "words.txt").write_text("later\n")
    source = LockedSource("thing", "1.0", "git", repository.as_uri(), pin, "inner/thing")
    assert contents(workshop, build(source, workshop))[1] == b"words\n"
    with pytest.raises(BuildError, match=f"thing cannot be fetched from {repository.as_uri()} at {'0' * 40}"):
        build(replace(source, pin="0" * 40), workshop)


def test_only_a_source_archive_on_this_machine_is_read_offline(tmp_path, workshop):
    data = make_sdist(make_source(tmp_path / "thing", "thing"), "thing")
    (tmp_path / "thing-1.0.tar.gz").write_bytes(data)
    pin, offline = hashlib.sha256(data).hexdigest(), using(workshop, offline=True)
    with serve({"/thing-1.0.tar.gz": data}) as site:
        places = [f"{site.url}/thing-1.0.tar.gz", (tmp_path / "thing-1.0.tar.gz").as_uri()]
        remote, local = (
            LockedSource("thing", "1.0", "sdist", place, pin, "", "thing-1.0.tar.gz", len(data)) for place in places
        )
        with pytest.raises(BuildError, match=r"1 file is not in the cache .*: thing-1\.0\.tar\.gz") as caught:
            build(remote, offline)
        assert "without --offline" in caught.value.advice
        assert site.seen == []
    assert contents(workshop, build(local, offline))[1] == b"words\n"


def test_a_repository_is_not_asked_offline(tmp_path, workshop):
    source = LockedSource("thing", "1.0", "git", (tmp_path / "nowhere").as_uri(), "0" * 40)
    with pytest.raises(BuildError, match="thing comes from git and has not been built here before") as caught:
        build(source, using(workshop, offline=True))
    assert "without --offline" in caught.value.advice


@pytest.mark.skipif(HERE.platform != "linux", reason="the tag is Linux's")
def test_a_native_wheel_serves_this_machine_alone(tmp_path, workshop):
    place = make_source(tmp_path / "thing", "thing", tag=NATIVE)
    wheel = build(folder(place), workshop)
    assert is_native_here(wheel)
    with pytest.raises(
        MissingWheelsError, match=f"thing 1.0 .a wheel built from source on this machine fits only {NATIVE};"
    ) as caught:
        build(folder(place), workshop, ELSEWHERE)
    assert [gap.name for gap in caught.value.gaps] == ["thing"]


def test_a_pure_wheel_serves_every_target(tmp_path, workshop):
    place, reported = make_source(tmp_path / "thing", "thing"), Steps()
    targets = [HERE, ELSEWHERE, parse_target("linux-aarch64", "3.9")]
    assert len({build(folder(place), workshop, target, reported) for target in targets}) == 1
    assert len(reported.steps) == 1


def test_a_tag_of_this_machines_linux_fits_no_other_platform():
    assert not fits("thing-1.0-cp39-abi3-linux_aarch64.whl", parse_target("linux-aarch64", "3.11"))
    assert fits("thing-1.0-cp39-abi3-manylinux_2_17_aarch64.whl", parse_target("linux-aarch64", "3.11"))


def test_another_version_than_the_locks_is_refused(tmp_path, workshop):
    place = make_source(tmp_path / "thing", "thing", version="2.0")
    with pytest.raises(BuildError, match=r"The lockfile has thing 1\.0, but thing 2\.0 was built"):
        build(folder(place), workshop)
    with pytest.raises(BuildError, match=r"The lockfile has other 1\.0, but thing 2\.0 was built"):
        build(folder(place, name="other"), workshop)


def test_a_build_that_fails_says_why_in_one_line(tmp_path, workshop):
    place = make_source(tmp_path / "thing", "thing")
    (place / "backend.py").write_text("raise RuntimeError('no compiler')\n")
    with pytest.raises(BuildError, match=r"thing 1\.0 could not be built from source: .*no compiler") as caught:
        build(folder(place), workshop)
    assert "uv build" in caught.value.advice
    with pytest.raises(BuildError, match="is not a folder"):
        build(folder(tmp_path / "gone"), workshop)


def test_constraints_of_the_build_are_part_of_what_is_built(tmp_path, workshop):
    place, reported = make_source(tmp_path / "thing", "thing"), Steps()
    build(folder(place), workshop, progress=reported)
    other = replace(workshop, settings=UvSettings(build_constraints=("setuptools<80",)))
    build(folder(place), other, progress=reported)
    assert len(reported.steps) == 2


def test_the_running_python_builds_for_other_platforms():
    assert workshops.interpreter_for(ELSEWHERE) == workshops.Interpreter(sys.executable, HERE.python)
    assert Path(workshops.interpreter_for(HERE).path).is_file()
