"""Telling how long something has taken while it lasts: a thread that speaks now and then until it is over."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL = 15.0  # seconds between two words about the same thing


class Pending:
    """Something that is waited for; ``detail`` is what of it is under way."""

    def __init__(self) -> None:
        self.detail = ""

    def about(self, detail: str) -> None:
        """Tell what of it is under way now."""
        self.detail = detail


class Clock:
    """The time, for tests to make their own."""

    def now(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def pause(self, over: threading.Event, seconds: float) -> bool:
        """Wait until ``over`` is set, at most so long; return whether it is."""
        return over.wait(seconds)


@contextmanager
def ticking(report: Callable[[str, float], None], clock: Clock) -> Iterator[Pending]:
    """Call ``tell`` with the detail and the seconds so far every ``INTERVAL`` until the block ends."""
    pending, over, started = Pending(), threading.Event(), clock.now()

    def tick() -> None:
        while not clock.pause(over, INTERVAL):
            report(pending.detail, clock.now() - started)

    thread = threading.Thread(target=tick, name="waiting", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # this host allows no further thread, and nothing is lost but a word
        yield pending
        return
    try:
        yield pending
    finally:
        over.set()
        thread.join()
