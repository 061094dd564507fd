from __future__ import annotations

from types import SimpleNamespace

import pytest

from bootstrap.preflight import RESERVE
from tests.validator.looking import look
from validator.check import FAIL, PASS, WARN
from validator.checks import system_disk
from validator.checks.system_disk import Disk


@pytest.mark.parametrize(
    ("free", "status"), [(RESERVE - 1, FAIL), (RESERVE, WARN), (RESERVE + 1_350_000, PASS), (1 << 40, PASS)]
)
def test_free_bytes(prefix, monkeypatch, free, status) -> None:
    monkeypatch.setattr(system_disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    result = look(Disk, prefix)
    assert result.status == status
    assert str(prefix.root) in result.details


def test_no_inodes_left_fails(prefix, monkeypatch) -> None:
    monkeypatch.setattr(system_disk, "free_inodes", lambda path: 3)
    result = look(Disk, prefix)
    assert result.status == FAIL
    assert "3 inodes" in result.details


def test_without_an_installation_the_default_place_is_looked_at(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(system_disk, "default_root", lambda: tmp_path / "not" / "made")
    assert str(tmp_path) in look(Disk, None).details
