from __future__ import annotations

from types import SimpleNamespace

import psutil

from tests.validator.checking import look
from validator.check import PASS, SKIP, WARN
from validator.checks.performance import measured
from validator.checks.performance import memory as performance_memory
from validator.checks.performance.memory import MemoryBandwidth


def test_it_is_measured(monkeypatch) -> None:
    monkeypatch.setattr(performance_memory, "SIZE", 1 << 20)
    result = look(MemoryBandwidth, None)
    assert result.status == PASS
    assert result.performance_metric["memory_bandwidth"]["value"] > 0.05


def test_a_slow_memory_is_told(monkeypatch) -> None:
    monkeypatch.setattr(performance_memory, "SIZE", 1 << 20)
    monkeypatch.setitem(measured.DEFAULTS, "memory_gb_per_second", measured.Bound(1e9, at_least=True))
    assert look(MemoryBandwidth, None).status == WARN


def test_too_little_memory_is_not_used_up(monkeypatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1 << 20))
    assert look(MemoryBandwidth, None).status == SKIP
