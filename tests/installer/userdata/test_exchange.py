"""What cannot be exchanged is told before anything is, and what stands in its place is neither followed nor emptied."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from installer.change import restore
from installer.layout import journal
from installer.userdata import persist, userdata
from shared.errors import HostError, InstallError
from shared.files import files, removal, trees
from tests.helpers import QUIET, install
from tests.tiny import COUNTER, tiny_bundle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and mount points of POSIX")


# what stands for something else


def test_settings_that_are_a_link_stay_one(empty, tmp_path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text("KEY=1\n")
    empty.env_file.symlink_to(secrets)
    made = restore.create_backup(empty, QUIET).backup
    restore.restore(empty, made.name, QUIET)
    assert os.readlink(empty.env_file) == str(secrets)
    empty.env_file.unlink()
    empty.env_file.write_text("KEY=2\n")
    restored = restore.restore(empty, made.name, QUIET)
    assert os.readlink(empty.env_file) == str(secrets)
    restore.restore(empty, restored.before.name, QUIET)
    assert not empty.env_file.is_symlink()
    assert (empty.env_file.read_text(), secrets.read_text()) == ("KEY=2\n", "KEY=1\n")


def test_settings_are_not_restored_into_the_place_of_a_folder(empty) -> None:
    empty.env_file.write_text("KEY=1\n")
    made = restore.create_backup(empty, QUIET).backup
    empty.env_file.unlink()
    (empty.env_file / "inner").mkdir(parents=True)
    with pytest.raises(HostError, match=r"prefix/\.env is a folder; settings must be a file"):
        restore.restore(empty, made.name, QUIET)
    assert journal.read(empty) is None
    assert (empty.env_file / "inner").is_dir()


def test_data_stay_in_their_place_where_others_cannot_be_moved_there(empty, monkeypatch) -> None:
    (empty.data / "notes.txt").write_text("one")
    made = restore.create_backup(empty, QUIET).backup
    (empty.data / "notes.txt").write_text("two")
    replace_file = files.replace

    def refuse(source, target):
        if target == empty.data and source.name == "data":
            raise PermissionError(13, "Permission denied", str(source), None, str(target))
        replace_file(source, target)

    with monkeypatch.context() as host:
        host.setattr(userdata, "_exchange_at_once", lambda *_paths: False)
        host.setattr(files, "replace", refuse)
        with pytest.raises(InstallError, match="Permission denied"):
            restore.restore(empty, made.name, QUIET)
        assert (empty.data / "notes.txt").read_text() == "two"
    restore.create_backup(empty, QUIET)  # any command finishes what was begun
    assert (empty.data / "notes.txt").read_text() == "one"
    assert not list(empty.root.glob("data.moved"))


@pytest.mark.parametrize("name", [".env", "data", ""])
def test_what_nobody_may_replace_is_told_before_anything_is_exchanged(empty, name) -> None:
    kinds = pytest.importorskip("tests.reliability.spoil_kinds")  # of POSIX alone
    empty.env_file.write_text("KEY=1\n")
    (empty.data / "notes.txt").write_text("one")
    made = restore.create_backup(empty, QUIET).backup
    empty.env_file.write_text("KEY=2\n")
    (empty.data / "notes.txt").write_text("two")
    path = empty.root / name
    try:
        kinds.immutable(path)
    except kinds.NotThereError:
        pytest.skip("this filesystem has no attributes, or only root may set them")
    try:
        with pytest.raises(HostError, match="Operation not permitted, it is immutable") as refused:
            restore.restore(empty, made.name, QUIET)
    finally:
        kinds.immutable(path, on=False)
    assert str(path) in refused.value.what
    assert "chattr -i" in refused.value.advice
    assert journal.read(empty) is None
    assert (empty.env_file.read_text(), (empty.data / "notes.txt").read_text()) == ("KEY=2\n", "two")
    assert not list(empty.root.glob(".ragtrace-*"))


def test_what_lies_in_the_place_of_a_file_that_is_being_laid_is_never_written_through(prefix, tiny, tmp_path) -> None:
    outside, written = tmp_path / "outside.txt", prefix.data / "data/new.csv"
    outside.write_text("of somebody\n")
    written.with_name(persist.TEMPORARY).symlink_to(outside)
    key = tiny.key.with_suffix("")
    install(tiny_bundle(tmp_path / "n", counter=COUNTER + 1, sources={"data/new.csv": "a\n"}, key=key), prefix)
    assert outside.read_text() == "of somebody\n"
    assert (written.is_symlink(), written.read_text()) == (False, "a\n")


@pytest.mark.skipif(not trees.BY_DESCRIPTOR, reason="folders by path")
def test_a_link_in_the_place_of_a_folder_to_be_removed_leads_nowhere(tmp_path) -> None:
    """Whoever may write above it could put one there between the look at it and the removal."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "link").symlink_to("kept")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        removal.remove(tmp_path / "link")
    assert (tmp_path / "kept" / "file").exists()


# other filesystems


@pytest.fixture
def mounted(empty):
    """Give a folder of the data that is a mount point, if this user may mount."""
    place = empty.data / "x"
    place.mkdir()
    tool = shutil.which("mount")
    if tool is None or os.geteuid() != 0 or os.spawnv(os.P_WAIT, tool, [tool, "-t", "tmpfs", "none", str(place)]) != 0:
        pytest.skip("needs the right to mount")
    yield place
    os.spawnv(os.P_WAIT, shutil.which("umount"), ["umount", str(place)])


@pytest.mark.parametrize("name", [".env", "data"])
def test_what_is_mounted_from_the_same_filesystem_is_told_before_anything_is_exchanged(empty, tmp_path, name) -> None:
    """As a container has its settings and its data."""
    empty.env_file.write_text("KEY=1\n")
    made = restore.create_backup(empty, QUIET).backup
    place, tool = empty.root / name, shutil.which("mount")
    shutil.copytree(place, tmp_path / name) if place.is_dir() else shutil.copy2(place, tmp_path / name)
    if tool is None or os.spawnv(os.P_WAIT, tool, ["mount", "--bind", str(tmp_path / name), str(place)]):
        pytest.skip("needs the right to mount")
    try:
        with pytest.raises(HostError, match="mount point"):
            restore.restore(empty, made.name, QUIET)
    finally:
        os.spawnv(os.P_WAIT, shutil.which("umount"), ["umount", str(place)])
    assert journal.read(empty) is None
    restore.restore(empty, made.name, QUIET)


def test_a_filesystem_in_the_data_is_backed_up_and_never_exchanged_or_emptied(empty, mounted) -> None:
    (mounted / "file").write_text("there\n")
    made = restore.create_backup(empty, QUIET).backup
    assert (made.path / "files/data/x/file").read_text() == "there\n"
    for act in (lambda: restore.restore(empty, "latest", QUIET), lambda: userdata.require_movable(empty)):
        with pytest.raises(HostError, match=r"data/x is a mount point"):
            act()
    with pytest.raises(OSError, match="busy"):
        files.remove_tree(empty.data)
    assert (mounted / "file").read_text() == "there\n"


def test_files_are_laid_into_a_filesystem_in_the_data(prefix, tiny, tmp_path) -> None:
    place = prefix.data / "data"
    shutil.rmtree(place)
    place.mkdir()
    tool = shutil.which("mount")
    if tool is None or os.geteuid() != 0 or os.spawnv(os.P_WAIT, tool, [tool, "-t", "tmpfs", "none", str(place)]) != 0:
        pytest.skip("needs the right to mount")
    try:
        key = tiny.key.with_suffix("")
        install(tiny_bundle(tmp_path / "n", counter=COUNTER + 1, sources={"data/new.csv": "a\n"}, key=key), prefix)
        assert (place / "new.csv").read_text() == "a\n"
        assert not [name for name in os.listdir(place) if name.startswith(".ragtrace")]
    finally:
        os.spawnv(os.P_WAIT, shutil.which("umount"), ["umount", str(place)])
