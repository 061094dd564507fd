"""A medium on which somebody exchanges files all the time: what was verified is what is used, or nothing is."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress

import pytest

from bundle.digest import sha256_file
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, open_bundle
from bundle.signing.policy import pins
from installer.layout.prefix import Prefix
from installer.release import acceptance, stage
from shared.errors import TrustError
from tests.helpers import install_opened
from tests.hostile.kit import ARCHIVE, UNPACKED

RUNS, SWAPS, BOUND = 100, 500, 600.0  # of each form: 200 installations, 1,000 swaps, seconds
PAUSE = 0.0005  # seconds between two swaps: without it the thread that swaps leaves the one that installs little time


class Swapper(threading.Thread):
    """Renames a good and an evil file in turn onto one place, and counts how often while somebody reads."""

    def __init__(self, place, evil: bytes) -> None:
        super().__init__()
        self.place, self.good = place, place.read_bytes()
        self.evil = evil
        self.reading, self.ending = threading.Event(), threading.Event()
        self.swaps = 0

    def run(self) -> None:
        beside, sources = self.place.with_name("beside"), []
        for name, data in (("evil", self.evil), ("good", self.good)):
            sources.append(self.place.with_name(name))
            sources[-1].write_bytes(data)
        while not self.ending.is_set():
            self.reading.wait(0.1)
            for source in sources:  # in turn: a link is not renamed onto another one of the same file
                os.link(source, beside)
                os.replace(beside, self.place)
                self.swaps += self.reading.is_set()
                self.ending.wait(PAUSE)


@pytest.fixture
def quick(monkeypatch) -> None:
    """Leave out of an installation what comes after all bytes were read: environment, trial, health check."""

    def bare_environment(installation, *_arguments) -> None:
        installation.site_packages.mkdir(parents=True)

    monkeypatch.setattr(stage, "stage_environment", bare_environment)
    for name in ("check_records", "try_out"):
        monkeypatch.setattr(acceptance, name, lambda *_arguments: None)
    monkeypatch.setattr(acceptance, "check_health", lambda *_arguments: None)


def installations(draft, place, evil, tmp_path, monkeypatch) -> tuple[int, int, int]:
    """Install the bundle again and again; return clean and refused runs, and the swaps while it was read."""
    policy = pins([draft.original.key.key])
    swapper = Swapper(place, evil)
    verify_into_store = stage.verify_into_store

    def fill_and_tell(*arguments) -> None:
        verify_into_store(*arguments)
        swapper.reading.clear()

    monkeypatch.setattr(stage, "verify_into_store", fill_and_tell)
    swapper.start()
    clean = refused = 0
    deadline = time.monotonic() + BOUND
    try:
        while (clean + refused < RUNS or swapper.swaps < SWAPS or not clean) and time.monotonic() < deadline:
            prefix = Prefix(tmp_path / f"prefix-{clean + refused}")
            swapper.reading.set()
            try:
                install_opened(open_bundle(draft.folder, policy), prefix)
                clean += 1
            except TrustError:
                refused += 1
            finally:
                swapper.reading.clear()
            holds_what_was_signed(prefix, draft, evil)
            shutil.rmtree(prefix.root, ignore_errors=True)
    finally:
        swapper.ending.set()
        swapper.reading.set()
        swapper.join()
    return clean, refused, swapper.swaps


def holds_what_was_signed(prefix, draft, evil) -> None:
    """Assert that no file of a prefix has a foreign byte, and that it holds a whole release or none."""
    contents = draft.original.contents
    for path in prefix.root.rglob("*") if prefix.exists else ():
        if path.is_file():
            assert evil not in path.read_bytes(), path
    stored = {path.name: sha256_file(path)[0] for path in prefix.store.rglob("*") if path.is_file()}
    assert all(name == digest for name, digest in stored.items()), "something unfinished was left"
    release = prefix.active()
    if release is None:
        assert not list(prefix.releases.glob("*")), "a release was left"
        return
    for entry in draft.original.manifest.of_kind("source"):
        place = prefix.data if entry.inner.startswith("data/") else release.app
        assert (place / entry.inner).read_bytes() == contents[entry.path]
    assert (release.bundle / INSTALLER).read_bytes() == contents[INSTALLER_MEMBER]
    assert set(stored) == {entry.sha256 for entry in draft.original.manifest.files if entry.is_stored}


def evil_one(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.usefixtures("quick")
def test_a_file_of_a_folder_that_is_exchanged_while_it_is_installed(draft, tmp_path, monkeypatch) -> None:
    draft.write(UNPACKED)
    place = draft.root / "03_Source/app.py"
    enough(*installations(draft, place, evil_one(place.read_bytes()), tmp_path, monkeypatch))


@pytest.mark.usefixtures("quick")
def test_an_archive_that_is_exchanged_while_it_is_installed(draft, tmp_path, monkeypatch) -> None:
    evil = draft.original.draft(draft.folder.with_name("evil"))
    evil.part("03_Source/app.py").data = evil_one(evil.part("03_Source/app.py").data)
    evil.write(ARCHIVE)
    draft.write(ARCHIVE)
    enough(*installations(draft, draft.archive, evil.archive.read_bytes(), tmp_path, monkeypatch))


def enough(clean: int, refused: int, swaps: int) -> None:
    assert clean + refused >= RUNS
    assert swaps >= SWAPS
    assert clean >= 1
    assert refused >= 1


def test_a_whole_installation_while_a_file_is_exchanged(draft, tmp_path) -> None:
    """Nothing is left out here, and what is installed works."""
    draft.write(UNPACKED)
    place = draft.root / "03_Source/app.py"
    swapper = Swapper(place, evil_one(place.read_bytes()))
    swapper.start()
    swapper.reading.set()
    prefix, deadline = Prefix(tmp_path / "prefix"), time.monotonic() + BOUND
    try:
        while prefix.active() is None and time.monotonic() < deadline:
            with suppress(TrustError):
                install_opened(open_bundle(draft.folder, pins([draft.original.key.key])), prefix)
    finally:
        swapper.ending.set()
        swapper.join()
    assert prefix.active() is not None
    holds_what_was_signed(prefix, draft, swapper.evil)
