from __future__ import annotations

from types import SimpleNamespace

from tests.validator.looking import look
from validator.check import ERROR, PASS, SKIP
from validator.checks import performance_disk
from validator.checks.performance_disk import DiskSpeed


def test_it_is_measured_and_leaves_nothing(prefix, monkeypatch) -> None:
    monkeypatch.setattr(performance_disk, "BLOCKS", 2)
    before = sorted(prefix.state.iterdir())
    result = look(DiskSpeed, prefix)
    assert result.status == PASS
    assert {name: metric["unit"] for name, metric in result.performance_metric.items()} == {
        "write": "MB/s",
        "read": "MB/s",
        "fsync": "ms",
    }
    assert sorted(prefix.state.iterdir()) == before


def test_a_full_disk_is_not_filled_further(prefix, monkeypatch) -> None:
    monkeypatch.setattr(performance_disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20))
    assert look(DiskSpeed, prefix).status == SKIP


def test_a_disk_that_refuses_was_not_measured(prefix, monkeypatch) -> None:
    def refuse(_path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(performance_disk, "written", refuse)
    assert look(DiskSpeed, prefix).status == ERROR
    assert not list(prefix.state.glob(".speed-*"))
