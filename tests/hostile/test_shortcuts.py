"""What an installation does not read twice (ADR 33): a wrong byte that arrives exactly there is found all the same."""

from __future__ import annotations

import os
import shutil

import pytest

from bundle.wheels import record
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.release import stage
from installer.release.digests import Digests
from shared.errors import RagtraceError
from tests.helpers import install


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
