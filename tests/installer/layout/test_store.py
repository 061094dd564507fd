"""What a release gets from the store: a file of its own where that costs little, else a second name."""

from __future__ import annotations

import hashlib
import sys

import pytest

from installer.layout import store
from installer.layout.store import Store
from shared.files import files
from tests.bundles import entry

DATA = b"weights\n"


@pytest.fixture
def kept(tmp_path):
    """A store with one file, and its entry."""
    file = entry("07_Models/tiny/weights.bin", "model", DATA)
    assert file.sha256 == hashlib.sha256(DATA).hexdigest()
    made = Store(tmp_path / "store")
    made.add(file, iter([DATA]))
    return made, file


def test_a_small_file_has_an_inode_of_its_own(kept, tmp_path) -> None:
    made, file = kept
    made.stage(file, tmp_path / "release" / "weights.bin")
    assert (tmp_path / "release" / "weights.bin").read_bytes() == DATA
    assert made.path(file.sha256).stat().st_nlink == 1


def test_a_large_file_is_a_second_name_where_blocks_cannot_be_shared(kept, tmp_path, monkeypatch) -> None:
    made, file = kept
    monkeypatch.setattr(store, "OWN_COPY_LIMIT", file.size - 1)
    monkeypatch.setattr(files, "clone", lambda _source, _target: False)
    made.stage(file, tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").samefile(made.path(file.sha256))


def test_a_large_file_is_cloned_where_the_filesystem_can(kept, tmp_path, monkeypatch) -> None:
    made, file = kept

    def clone(source, target) -> bool:
        target.write_bytes(source.read_bytes())
        return True

    monkeypatch.setattr(store, "OWN_COPY_LIMIT", file.size - 1)
    monkeypatch.setattr(files, "clone", clone)
    made.stage(file, tmp_path / "weights.bin")
    assert made.path(file.sha256).stat().st_nlink == 1
    assert (tmp_path / "weights.bin").read_bytes() == DATA


def test_a_folder_in_the_place_of_an_object_gives_way(kept) -> None:
    made, file = kept
    path = made.path(file.sha256)
    path.unlink()
    (path / "below").mkdir(parents=True)
    assert made.add(file, iter([DATA]))
    assert path.read_bytes() == DATA


@pytest.mark.skipif(sys.platform != "linux", reason="FICLONE is Linux's")
def test_where_there_are_no_clones_nothing_is_left_behind(tmp_path, monkeypatch) -> None:
    import fcntl

    def refuse(*_arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    (tmp_path / "a").write_bytes(DATA)
    assert not files.clone(tmp_path / "a", tmp_path / "b")
    assert not (tmp_path / "b").exists()
