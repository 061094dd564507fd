"""Backups hold the user's settings and data, are checked before use, and go when they are old."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from recovery.manager import InstallationRecoveryManager
from shared.errors import HostError, UsageError
from tests.tiny import install_tiny


@pytest.fixture
def manager(host):
    host.prefix.env_file.write_text("TINY_API_KEY=one\n")
    notes = host.prefix.data / "data" / "notes.txt"
    notes.write_text("one\n")
    return InstallationRecoveryManager(host.prefix.root)


def state(host):
    """Every file of the user's with its content and mode."""
    paths = [host.prefix.env_file, *sorted(host.prefix.data.rglob("*"))]
    return {
        path: (os.readlink(path) if path.is_symlink() else path.read_bytes(), path.lstat().st_mode)
        for path in paths
        if path.is_symlink() or path.is_file()
    }


def test_a_backup_is_made_listed_and_restored(host, manager):
    (host.prefix.data / "data" / "질문 1.txt").write_text("답")
    (host.prefix.data / "data" / "line\nbreak").write_text("odd")
    (host.prefix.data / "link").symlink_to("data/notes.txt")
    (host.prefix.data / "data" / "notes.txt").chmod(0o640)
    before = state(host)
    path = manager.create_backup()
    assert path.parent == host.prefix.backups
    assert [backup.name for backup in manager.list_backups()] == [path.name]
    assert manager.list_backups()[0].release == host.release.id

    host.prefix.env_file.write_text("TINY_API_KEY=two\n")
    (host.prefix.data / "data" / "notes.txt").write_text("two\n")
    (host.prefix.data / "data" / "new.txt").write_text("new\n")
    (host.prefix.data / "link").unlink()
    changed = state(host)
    undone = manager.restore(path.name)
    assert state(host) == before

    manager.restore(undone.name)
    assert state(host) == changed


def test_a_backup_is_private(manager):
    path = manager.create_backup()
    for found in (path, path / "files"):
        assert found.stat().st_mode & 0o077 == 0


def test_a_file_whose_name_is_not_utf8_is_kept(host, manager):
    name = os.fsdecode(b"caf\xe9.txt")
    (host.prefix.data / name).write_text("x")
    path = manager.create_backup()
    (host.prefix.data / name).unlink()
    manager.restore(path.name)
    assert (host.prefix.data / name).read_text() == "x"


def test_the_newest_five_are_kept(manager):
    made = [manager.create_backup() for _number in range(7)]
    assert [backup.path for backup in manager.list_backups()] == made[-5:]
    assert len(list(made[0].parent.iterdir())) == 5


def test_a_damaged_backup_changes_nothing(host, manager):
    path = manager.create_backup()
    (path / "files" / "data" / "data" / "notes.txt").write_text("bad\n")
    host.prefix.env_file.write_text("TINY_API_KEY=two\n")
    before = state(host)
    with pytest.raises(HostError, match="damaged"):
        manager.restore(path.name)
    assert state(host) == before


@pytest.mark.parametrize("evil", ["../escape", "data/../../escape", "/escape"])
def test_an_index_that_leads_out_of_the_prefix_is_no_backup(manager, evil):
    path = manager.create_backup()
    index = json.loads((path / "index.json").read_text())
    index["files"].append([evil, "0" * 64, 0o644, ""])
    (path / "index.json").write_text(json.dumps(index))
    assert manager.list_backups() == []
    with pytest.raises(UsageError):
        manager.restore(path.name)


def test_only_a_name_from_the_list_is_restored(manager):
    with pytest.raises(UsageError):
        manager.restore("../../etc")


def test_rollback_goes_back_to_release_settings_and_data(host, manager, newer):
    before, release = state(host), host.release
    manager.create_backup("before-install")
    install_tiny(newer, host.prefix.root)
    (host.prefix.data / "data" / "notes.txt").write_text("two\n")
    assert host.release != release
    manager.rollback()
    assert host.release == release
    assert state(host) == before


def test_rollback_without_a_backup_says_so(manager):
    with pytest.raises(HostError, match="no backup"):
        manager.rollback()


def test_what_a_killed_backup_left_is_removed(host, manager):
    left = host.prefix.backups / ".20260101T000000Z-manual.1.tmp"
    left.mkdir(parents=True)
    manager.create_backup()
    assert not left.exists()


def test_too_little_space_is_told_before_anything_is_written(host, manager, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(HostError, match="space"):
        manager.create_backup()
    assert list(host.prefix.backups.iterdir()) == []


def test_a_folder_that_is_no_installation_is_refused(tmp_path):
    with pytest.raises(HostError):
        InstallationRecoveryManager(tmp_path)
