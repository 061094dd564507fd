"""A medium on which somebody exchanges files all the time: what was verified is what is used, or nothing is."""

from __future__ import annotations

import os
import threading
import time

from bootstrap.bundle.opening import open_bundle
from bootstrap.bundle.policy import pins
from bootstrap.console import NoProgress
from bootstrap.errors import TrustError
from bootstrap.stage import fill_store
from bootstrap.store import KEPT_KINDS, Store
from tests.hostile.kit import ARCHIVE, UNPACKED

RUNS, SWAPS, BOUND = 100, 500, 60.0  # of each form: 200 verifications, 1,000 swaps, seconds


class Swapper(threading.Thread):
    """Renames a good and an evil file in turn onto one place, and counts how often while somebody reads."""

    def __init__(self, place, evil: bytes) -> None:
        super().__init__()
        self.place, self.good = place, place.read_bytes()
        self.evil = evil
        self.reading, self.ending = threading.Event(), threading.Event()
        self.swaps = 0

    def run(self) -> None:
        beside = self.place.with_name("beside")
        contents = (self.evil, self.good)
        while not self.ending.is_set():
            self.reading.wait(0.1)
            beside.write_bytes(contents[self.swaps % 2])
            os.replace(beside, self.place)
            if self.reading.is_set():
                self.swaps += 1


def verifications(draft, place, evil, tmp_path) -> tuple[int, int, int]:
    """Fill a store from the bundle again and again; return clean and refused runs, and the swaps during them."""
    policy = pins([draft.original.key.key])
    wanted = {entry.sha256 for entry in draft.original.manifest.files if entry.kind in KEPT_KINDS}
    swapper = Swapper(place, evil)
    bundle = open_bundle(draft.folder, policy)
    swapper.start()
    clean = refused = 0
    deadline = time.monotonic() + BOUND
    try:
        while (clean + refused < RUNS or swapper.swaps < SWAPS or not clean) and time.monotonic() < deadline:
            store = Store(tmp_path / f"store-{clean + refused}")
            store.root.mkdir()
            swapper.reading.set()
            try:
                fill_store(bundle, store, NoProgress())
                clean += 1
            except TrustError:
                refused += 1
            finally:
                swapper.reading.clear()
            held = {path.name: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
            for name, data in held.items():
                assert evil not in data, name
                assert store.path(name).exists(), "something unfinished was left"
            if len(held) == len(wanted):
                assert set(held) == wanted
    finally:
        swapper.ending.set()
        swapper.reading.set()
        swapper.join()
    return clean, refused, swapper.swaps


def test_a_file_of_a_folder_that_is_exchanged_while_it_is_read(draft, tmp_path) -> None:
    draft.write(UNPACKED)
    place = draft.root / "03_Source/app.py"
    evil = bytes([place.read_bytes()[0] ^ 1]) + place.read_bytes()[1:]
    clean, refused, swaps = verifications(draft, place, evil, tmp_path)
    assert clean + refused >= RUNS
    assert swaps >= SWAPS
    assert clean >= 1
    assert refused >= 1


def test_an_archive_that_is_exchanged_while_it_is_read(draft, tmp_path) -> None:
    evil = draft.original.draft(draft.folder.with_name("evil"))
    data = evil.part("03_Source/app.py").data
    evil.part("03_Source/app.py").data = bytes([data[0] ^ 1]) + data[1:]
    evil.write(ARCHIVE)
    draft.write(ARCHIVE)
    clean, refused, swaps = verifications(draft, draft.archive, evil.archive.read_bytes(), tmp_path)
    assert clean + refused >= RUNS
    assert swaps >= SWAPS
    assert clean >= 1
    assert refused >= 1
