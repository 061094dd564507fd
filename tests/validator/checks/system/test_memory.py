from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from tests.validator.checking import look
from validator.check import PASS, WARN
from validator.checks.system.memory import BASE, Memory


@pytest.mark.parametrize(("available", "status"), [(BASE + 64, PASS), (BASE + 1, WARN)])
def test_warns_below_what_application_and_models_need(prefix, monkeypatch, available, status) -> None:
    # the models of the installation have 16 bytes
    memory = SimpleNamespace(total=8 << 30, available=available)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    result = look(Memory, prefix)
    assert result.status == status
    assert result.performance_metric["total"] == {"value": 8.59, "unit": "GB"}


def test_without_an_installation_the_base_counts(monkeypatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=1 << 30, available=BASE))
    assert look(Memory, None).status == PASS
