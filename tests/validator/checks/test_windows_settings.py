from __future__ import annotations

import pytest

from shared.windows import MACHINE, read_value, value_names
from validator.check import SKIP, UncheckedError
from validator.checks import windows_settings
from validator.checks.windows_settings import need_windows


def test_other_systems_have_no_registry(monkeypatch) -> None:
    monkeypatch.setattr(windows_settings, "HERE", False)
    with pytest.raises(UncheckedError, match="applies to Windows only") as refused:
        need_windows()
    assert refused.value.status == SKIP


@pytest.mark.skipif(windows_settings.HERE, reason="it has a registry")
def test_nothing_is_set_where_there_is_none() -> None:
    assert read_value(MACHINE, "SOFTWARE", "x") is None
    assert value_names(MACHINE, "SOFTWARE") is None
