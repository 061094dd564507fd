"""Work in a second thread, with the programs that it starts, beside the block that needs it done afterwards."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE = 0.1  # seconds between two attempts to end a program


class Beside(threading.Thread):
    """A thread that does some work once; ``error`` is what ended it early, which is raised nowhere.

    Its end is an event: before Python 3.13, a join that Ctrl-C interrupts takes the thread for ended.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.is_done = False
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def begin(self) -> None:
        """Start, unless this host has no thread to spare."""
        try:
            self.start()
        except RuntimeError:
            self.ended.set()

    def run(self) -> None:
        """Do the work (called by the thread itself)."""
        try:
            self.work()
            self.is_done = True
        except BaseException as error:  # noqa: BLE001 - whoever waits decides what it means
            self.error = error
        finally:
            self.ended.set()

    def succeeded(self) -> bool:
        """Wait for the end; returns False if the work failed, or no thread could be started."""
        self.ended.wait()
        return self.is_done

    def end(self) -> None:
        """End the work with its programs, also one that is just being started."""
        while self.ident is not None and not self.ended.is_set():
            process.stop_all(self.ident)
            self.ended.wait(PAUSE)
