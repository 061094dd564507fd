"""What an installation does not read twice (ADR 33): a wrong byte that arrives exactly there is found all the same."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from bundle.wheels import record
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.release import stage
from installer.release.digests import Digests
from shared.errors import InstallError, RagtraceError, ToolError, TrustError
from shared.processes import cgroups, process
from shared.programs.uv import Uv
from tests.helpers import install
from tests.tiny import tiny_bundle
from tests.waiting import until


def altered(path) -> None:
    """Change one byte and give back size, mode and time of modification."""
    status, data = path.lstat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def exchanged(path) -> None:
    """Put another file of the same size, mode and time of modification in its place."""
    beside = path.with_name("beside")
    shutil.copy2(path, beside)
    altered(beside)
    beside.replace(path)


@pytest.fixture
def wheels(tiny, tmp_path):
    """The paths at which a prefix stores the wheels of the bundle."""
    store = Store(Prefix(tmp_path / "prefix").store)
    return [store.path(entry.sha256) for entry in tiny.manifest.of_kind("wheel")]


@pytest.mark.parametrize("spoil", [altered, exchanged])
def test_a_wheel_that_is_spoilt_after_its_verification_stops_it(tiny, tmp_path, wheels, monkeypatch, spoil) -> None:
    verify_into_store, prefix = stage.verify_into_store, Prefix(tmp_path / "prefix")

    def then_spoil(*arguments) -> None:
        verify_into_store(*arguments)
        spoil(wheels[0])

    monkeypatch.setattr(stage, "verify_into_store", then_spoil)
    with pytest.raises(RagtraceError, match="is missing or damaged in"):
        install(tiny, prefix)
    assert prefix.active() is None


def test_only_what_this_run_wrote_is_not_hashed_again(tiny, tmp_path, wheels, monkeypatch) -> None:
    hashed, sha256_of = [], record.sha256_of
    monkeypatch.setattr(record, "sha256_of", lambda path, *most: hashed.append(str(path)) or sha256_of(path, *most))
    prefix, stored = Prefix(tmp_path / "prefix"), {str(path) for path in wheels}
    install(tiny, prefix)
    assert not stored & set(hashed)
    (prefix.active().path / "run.json").chmod(0o644)
    (prefix.active().path / "run.json").write_text("{}")
    install(tiny, prefix)  # it adopts what the run before has written
    assert stored <= set(hashed)


def test_a_file_is_learnt_by_the_descriptor_that_wrote_it(tmp_path) -> None:
    path, digests = tmp_path / "file", Digests()
    path.write_bytes(b"the right bytes")
    written = path.lstat()
    exchanged(path)
    digests.learn(path, "f" * 64, written)
    assert digests(path) == record.sha256_of(path) != "f" * 64


@pytest.fixture
def two_parts(monkeypatch):
    """Install the first wheels of the tiny bundle, too, while the rest is read."""
    monkeypatch.setattr(stage, "LEAST", 0)
    monkeypatch.setattr(cgroups, "has_room", lambda _processors, _memory: True)


def around(monkeypatch, name, before=lambda *_: None, after=lambda *_: None) -> None:
    """Do more before and after a step of the installation of the first wheels."""
    real = getattr(stage.FirstWheels, name)

    def step(*arguments) -> None:
        before(*arguments)
        real(*arguments)
        after(*arguments)

    monkeypatch.setattr(stage.FirstWheels, name, step)


def nothing_is_left(prefix) -> bool:
    return prefix.active() is None and not prefix.releases.exists() and not process._running


@pytest.mark.parametrize("spoil", [altered, exchanged])
def test_a_first_wheel_that_is_spoilt_before_uv_reads_it_stops_it(
    tiny, tmp_path, wheels, two_parts, monkeypatch, spoil
) -> None:
    spoilt, prefix = [], Prefix(tmp_path / "prefix")

    def spoil_the_first(first, entry) -> None:
        if entry.kind == "wheel" and not first.offered:
            spoil(first.installation.store.path(entry.sha256))
            spoilt.append(entry)

    around(monkeypatch, "offer", spoil_the_first)
    with pytest.raises(RagtraceError, match=r"\.whl is missing or damaged in"):
        install(tiny, prefix)
    assert spoilt
    assert nothing_is_left(prefix)


def test_a_file_that_changes_after_it_was_hashed_beside_the_rest_is_found(
    tiny, tmp_path, two_parts, monkeypatch
) -> None:
    def spoil_what_is_known(first) -> None:
        assert first._hashing.wait()
        known = [line.path for line in first._written if first.digests.knows(line.path) and line.path.endswith(".py")]
        altered(first.installation.release.path / known[0])

    around(monkeypatch, "complete", after=spoil_what_is_known)
    prefix = Prefix(tmp_path / "prefix")
    with pytest.raises(InstallError, match=r"\.py: does not match its RECORD"):
        install(tiny, prefix)
    assert nothing_is_left(prefix)


def test_no_python_of_an_environment_starts_before_its_files_were_compared(tmp_path, two_parts, monkeypatch) -> None:
    mark, seen = tmp_path / "started", []
    start = {"aaa_first.py": "", "aaa_first.pth": f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n"}
    bundle = tiny_bundle(tmp_path / "bundle", packages={"aaa-first": ("1.0", start), "zzz": ("1.0", {"zzz.py": ""})})

    def look(first) -> None:
        seen.append((len(first.offered), (first.installation.site_packages / "aaa_first.pth").exists(), mark.exists()))

    around(monkeypatch, "complete", after=look)
    install(bundle, Prefix(tmp_path / "prefix"))
    assert 0 < seen[0][0] < len(bundle.manifest.packages)
    assert seen[0][1:] == (True, False)
    assert mark.exists()  # the first one that started was that of the trial


def test_a_bundle_that_is_damaged_further_on_ends_the_installation_of_its_first_wheels(
    tiny, tmp_path, two_parts, monkeypatch
) -> None:
    begun = tmp_path / "begun"
    endless = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(600)"

    def install_endlessly(uv, *_arguments) -> None:
        uv.scratch.joinpath("more").mkdir()
        process.checked(process.run([sys.executable, "-c", endless], timeout=600), "endless")

    def stop(_first, entry) -> None:
        until(begun.exists)
        raise TrustError("the rest is damaged.")

    monkeypatch.setattr(Uv, "install", install_endlessly)
    around(monkeypatch, "offer", after=lambda first, entry: stop(first, entry) if first._adding.is_begun else None)
    prefix = Prefix(tmp_path / "prefix")
    with pytest.raises(TrustError, match="the rest is damaged"):
        install(tiny, prefix)
    assert nothing_is_left(prefix)


def test_a_failure_with_the_first_wheels_stops_the_reading(tiny, tmp_path, two_parts, monkeypatch) -> None:
    def refuse(*_arguments) -> None:
        raise ToolError("no room.")

    read = []
    monkeypatch.setattr(Uv, "install", refuse)
    around(monkeypatch, "offer", lambda first, _entry: read.append(first._adding.is_begun and first._adding.wait()))
    prefix = Prefix(tmp_path / "prefix")
    with pytest.raises(InstallError, match="no room"):
        install(tiny, prefix)
    assert len(read) < len([entry for entry in tiny.manifest.files if entry.is_stored])
    assert nothing_is_left(prefix)
