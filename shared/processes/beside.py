"""A call in a thread beside the main one, whose programs end when the main thread wants no more of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE = 0.1  # seconds between two attempts to end a process


class Beside(threading.Thread):
    """A thread that makes one call and keeps its error.

    Its end is an event: before Python 3.13, a join that Ctrl-C interrupts takes the thread for ended.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._call, self._ended = call, threading.Event()
        self.is_begun = self.is_done = self.is_unwanted = False  # done: the call returned; unwanted: it should end soon
        self.error: BaseException | None = None

    def begin(self) -> None:
        """Start, unless this host has no thread to spare: then the call is never made."""
        self.is_begun = True
        try:
            self.start()
        except RuntimeError:
            self.is_begun = False

    def run(self) -> None:
        try:
            self._call()
            self.is_done = True
        except BaseException as error:  # noqa: BLE001 - for whoever waits
            self.error = error
        finally:
            self._ended.set()

    def wait(self) -> bool:
        """Wait for the end, if it was begun; returns whether the call was made and raised nothing."""
        if self.is_begun:
            self._ended.wait()
        return self.is_done

    def end(self) -> None:
        """End the programs of the call, also one that is just being started, and wait for it."""
        self.is_unwanted = True
        while self.is_begun and not self._ended.is_set():
            if self.ident is not None:
                process.stop_all(self.ident)
            self._ended.wait(PAUSE)
