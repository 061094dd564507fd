from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from installer.change import space
from installer.change.space import RESERVE
from installer.install import preflight
from installer.layout.location.finding import default_root
from shared.terminal.console import human_bytes
from tests.validator.checking import look, look_all, release_of
from validator.check import FAIL, PASS, WARN
from validator.checks.system import disk as system_disk
from validator.checks.system.disk import Disk


def test_free_bytes(prefix, monkeypatch) -> None:
    manifest = release_of(prefix).manifest()
    least, wanted = space.RESERVE, space.of_whole_repair(manifest)
    assert human_bytes(wanted) in preflight.repair_space(manifest, prefix, None).details  # what recover asks for
    for free, status in ((least - 1, FAIL), (least, WARN), (wanted - 1, WARN), (wanted, PASS), (1 << 40, PASS)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
        result = look(Disk, prefix)
        assert (free, result.status) == (free, status)
        assert str(prefix.root) in result.details


@pytest.fixture(autouse=True)
def one_filesystem(prefix, monkeypatch) -> None:  # an installation is made before, in the real folder
    """Keep the temporary folder, which may lie elsewhere on this machine, out of what is looked at."""
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(default_root()))


def test_each_filesystem_is_looked_at_for_what_lies_there(prefix, monkeypatch) -> None:
    devices = {prefix.data: 7, prefix.releases: 8}
    real = Path.stat

    def stat(path, **options):
        return SimpleNamespace(st_dev=devices[path]) if path in devices else real(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    rooms = {prefix.data: RESERVE - 1, prefix.releases: RESERVE}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=rooms.get(path, 1 << 40)))
    found = {result.check_name: result.status for result in look_all(Disk, prefix)}
    assert found[f"Disk of {prefix.root}"] == PASS
    assert found[f"Disk of {prefix.releases}"] == WARN
    assert found[f"Disk of {prefix.data}"] == FAIL


def test_a_filesystem_that_is_read_only_fails(prefix, monkeypatch) -> None:
    monkeypatch.setattr(system_disk, "is_read_only", lambda place: True)
    result = look(Disk, prefix)
    assert (result.status, "read-only" in result.details) == (FAIL, True)


def test_read_only_is_what_the_mount_says(tmp_path, monkeypatch) -> None:
    assert not system_disk.is_read_only(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    assert system_disk.is_read_only(tmp_path)


def test_no_inodes_left_fails(prefix, monkeypatch) -> None:
    monkeypatch.setattr(system_disk, "free_inodes", lambda path: 3)
    result = look(Disk, prefix)
    assert result.status == FAIL
    assert "3 inodes" in result.details


def test_without_an_installation_the_default_place_is_looked_at(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(system_disk, "default_root", lambda: tmp_path / "not" / "made")
    assert str(tmp_path) in look(Disk, None).details
