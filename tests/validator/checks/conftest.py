from __future__ import annotations

import pytest

from tests.validator.checking import take_any_speed


@pytest.fixture(autouse=True)
def _any_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    take_any_speed(monkeypatch)
