from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared.files import removal
from shared.files.trees import Folder


@pytest.fixture
def large(tmp_path):
    """A read-only tree with as many folders at its fourth level as are emptied side by side."""
    root = tmp_path / "tree"
    for number in range(removal.MANY):
        folder = root / "venv/lib/site" / f"package{number}/deep"
        folder.mkdir(parents=True)
        (folder / "module.py").write_text("x")
    for above, _folders, _names in os.walk(root):
        os.chmod(above, 0o555)
    return root


def test_folders_of_a_large_tree_are_emptied_side_by_side(large, monkeypatch) -> None:
    emptied, empty = [], removal._empty
    monkeypatch.setattr(
        removal, "_empty", lambda root, part, stopped: emptied.append(part) or empty(root, part, stopped)
    )
    removal.remove(large)
    assert not large.exists()
    assert sorted(emptied) == sorted([(), *[("venv", "lib", "site", f"package{n}") for n in range(removal.MANY)]])


def test_a_small_tree_needs_no_threads(tmp_path, monkeypatch) -> None:
    (tmp_path / "tree/a/b").mkdir(parents=True)
    monkeypatch.setattr(removal, "ThreadPoolExecutor", None)
    removal.remove(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_a_host_without_threads_to_spare_removes_it_all_the_same(large, monkeypatch) -> None:
    def refuse(_pool, *_arguments) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "map", refuse)
    removal.remove(large)
    assert not large.exists()


def test_a_link_that_replaced_a_folder_meanwhile_is_not_followed(large, tmp_path, monkeypatch) -> None:
    outside, parts = tmp_path / "outside", removal._parts
    (outside / "package0/deep").mkdir(parents=True)
    (outside / "package0/deep/precious").write_text("x")

    def exchange(root):
        found = parts(root)
        (large / "venv/lib").chmod(0o755)
        (large / "venv/lib/site").rename(tmp_path / "moved")
        (large / "venv/lib/site").symlink_to(outside)
        return found

    monkeypatch.setattr(removal, "_parts", exchange)
    removal.remove(large)
    assert not large.exists()
    assert (outside / "package0/deep/precious").exists()


def test_another_filesystem_on_the_way_to_a_part_is_left_alone(large, monkeypatch) -> None:
    """Inside it, a folder of the root's filesystem may be mounted again: the part itself has the right device."""
    status = Folder.status

    def told(here):
        found = status(here)
        device = found.st_dev + (here.names[-1:] == ["lib"])
        return SimpleNamespace(st_dev=device, st_mode=found.st_mode)

    monkeypatch.setattr(Folder, "status", told)
    with pytest.raises(OSError, match="busy"):
        removal._empty(large, ("venv", "lib", "site", "package0"), threading.Event())
    assert (large / "venv/lib/site/package0/deep/module.py").exists()
    for above, _folders, _names in os.walk(large):
        os.chmod(above, 0o755)


def test_an_error_in_one_part_is_reported(large, monkeypatch) -> None:
    empty = removal._empty

    def fail(root, part, stopped) -> None:
        if part and part[-1] == "package7":
            raise OSError(5, "Input/output error", "package7")
        empty(root, part, stopped)

    monkeypatch.setattr(removal, "_empty", fail)
    with pytest.raises(OSError, match="package7"):
        removal.remove(large)
    assert (large / "venv/lib/site/package7/deep/module.py").exists()
    for above, _folders, _names in os.walk(large):
        os.chmod(above, 0o755)


@pytest.mark.skipif("os.geteuid() != 0", reason="a user whom modes hold, whom only root can be for a while")
@pytest.mark.parametrize("mode", [0o555, 0o644, 0o000])
def test_an_owner_removes_folders_that_he_may_not_enter(mode) -> None:
    nobody, place = 65534, Path(tempfile.mkdtemp())
    root = place / "tree"
    for number in range(removal.MANY):
        (root / "site" / f"package{number}" / "deep").mkdir(parents=True)
        (root / "site" / f"package{number}" / "deep" / "module.py").write_text("x")
    for above, folders, names in os.walk(place):
        for name in (*folders, *names):
            os.chown(os.path.join(above, name), nobody, nobody)
    os.chown(place, nobody, nobody)
    (root / "site").chmod(mode)
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            os.setresgid(nobody, nobody, nobody)
            os.setresuid(nobody, nobody, nobody)
            removal.remove(root)
            code = 0
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert os.listdir(place) == []
    place.rmdir()


def test_a_removal_that_is_stopped_goes_no_deeper(large) -> None:
    stopped, part = threading.Event(), ("venv", "lib", "site", "package0")
    stopped.set()
    removal._empty(large, part, stopped)
    assert large.joinpath(*part, "deep", "module.py").exists()
    for above, _folders, _names in os.walk(large):
        os.chmod(above, 0o755)
