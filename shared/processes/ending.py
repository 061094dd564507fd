"""Termination signals, from the system or from a closed terminal, handled like Ctrl-C."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED = 130
# Windows has no SIGHUP; a closed window ends the job there (shared/windows.py)
ASKING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class AskedToEnd(KeyboardInterrupt):
    """A signal asked this process to end; whatever cleans up after Ctrl-C handles it in the same way."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _unheard(_number: int, _frame: object) -> None:
    """Ignore a signal."""


def number_of(interrupt: KeyboardInterrupt) -> int:
    """Return the number of the signal that caused an interrupt."""
    return interrupt.number if isinstance(interrupt, AskedToEnd) else int(signal.SIGINT)


@contextmanager
def heeded() -> Iterator[None]:
    """Raise AskedToEnd in this block at the first termination signal or Ctrl-C; later ones do not interrupt cleanup.

    A signal that the caller had ignored (nohup) remains ignored.
    """
    mine = threading.current_thread() is threading.main_thread()
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, *ASKING) if mine}
    taken = [number for number, handler in previous.items() if handler in (signal.SIG_DFL, signal.default_int_handler)]

    def ask(number: int, _frame: object) -> None:
        for each in taken:
            signal.signal(each, _unheard)  # not SIG_IGN, which programs that are started now would inherit
        raise AskedToEnd(number)

    for number in taken:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, previous[number])
