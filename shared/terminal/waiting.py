"""Reports of elapsed time during a long step, from a thread that runs until the step ends."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL = 15.0  # seconds between two reports on the same step


class Pending:
    """A step that is being waited for; ``detail`` is its current part."""

    def __init__(self) -> None:
        self.detail = ""

    def about(self, detail: str) -> None:
        """Set the current part of the step."""
        self.detail = detail


class Clock:
    """The time; tests replace this class."""

    def now(self) -> float:
        """Return seconds since an arbitrary moment."""
        return time.monotonic()

    def pause(self, over: threading.Event, seconds: float) -> bool:
        """Wait until ``over`` is set, at most ``seconds``; return whether it is."""
        return over.wait(seconds)


@contextmanager
def ticking(report: Callable[[str, float], None], clock: Clock) -> Iterator[Pending]:
    """Call ``report`` with the detail and the elapsed seconds every ``INTERVAL`` until the block ends."""
    pending, over, started = Pending(), threading.Event(), clock.now()

    def tick() -> None:
        while not clock.pause(over, INTERVAL):
            report(pending.detail, clock.now() - started)

    thread = threading.Thread(target=tick, name="waiting", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # this host allows no more threads; only the reports are missing
        yield pending
        return
    try:
        yield pending
    finally:
        over.set()
        thread.join()
