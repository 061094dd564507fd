"""Being asked to end by the system or by who closed the terminal: it is Ctrl-C by another name."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED = 130
# SIGHUP is not on Windows, where a closed window ends the job (shared/windows.py)
ASKING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class AskedToEnd(KeyboardInterrupt):
    """A signal asked this process to end; whatever cleans up after Ctrl-C does so now."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _unheard(_number: int, _frame: object) -> None:
    """Take no notice of a signal."""


def number_of(interrupt: KeyboardInterrupt) -> int:
    """Return the signal behind an interrupt."""
    return interrupt.number if isinstance(interrupt, AskedToEnd) else int(signal.SIGINT)


@contextmanager
def heeded() -> Iterator[None]:
    """Raise AskedToEnd in this block at the first such signal or Ctrl-C; more of them don't disturb the cleaning up.

    One that the caller had ignored (nohup) stays so.
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
