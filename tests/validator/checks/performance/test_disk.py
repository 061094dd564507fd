from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from tests.validator.checking import look
from validator.check import ERROR, PASS, SKIP, WARN
from validator.checks.performance import disk as performance_disk
from validator.checks.performance import measured
from validator.checks.performance.disk import DiskSpeed


def test_it_is_measured_and_leaves_nothing(prefix, monkeypatch) -> None:
    monkeypatch.setattr(performance_disk, "BLOCKS", 2)
    before = {*prefix.state.iterdir(), prefix.state / measured.NAME}
    result = look(DiskSpeed, prefix)
    assert result.status == PASS
    assert {name: metric["unit"] for name, metric in result.performance_metric.items()} == {
        "write": "MB/s",
        "read": "MB/s",
        "fsync": "ms",
    }
    assert {*prefix.state.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("disk_write_mb_per_second", True), ("disk_read_mb_per_second", True), ("fsync_milliseconds", False)],
)
def test_a_slow_disk_is_told(prefix, monkeypatch, name, at_least) -> None:
    monkeypatch.setattr(performance_disk, "BLOCKS", 2)
    monkeypatch.setitem(measured.DEFAULTS, name, measured.Bound(1e9 if at_least else 0, at_least=at_least))
    assert look(DiskSpeed, prefix).status == WARN


def test_a_full_disk_is_not_filled_further(prefix, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20))
    assert look(DiskSpeed, prefix).status == SKIP


def test_a_disk_that_refuses_was_not_measured(prefix, monkeypatch) -> None:
    def refuse(_path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(performance_disk, "written", refuse)
    assert look(DiskSpeed, prefix).status == ERROR
    assert not list(prefix.state.glob(".trial-*"))
