"""Waiting for what must come, by whatever machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 120.0  # seconds until a test gives up; what it waits for comes at once on a machine at rest


def until(true: Callable[[], object]) -> None:
    """Return once something is true; fails when it does not come about."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
