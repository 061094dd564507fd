"""Being asked to end by the system or by who closed the terminal: it is Ctrl-C by another name."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED = 130
# SIGHUP is not on Windows, where a closed window ends the job (bootstrap/windows.py)
ASKING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class AskedToEnd(KeyboardInterrupt):
    """A signal other than Ctrl-C's asked this process to end; whatever cleans up after Ctrl-C does so now."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def number_of(interrupt: KeyboardInterrupt) -> int:
    """Return the signal behind an interrupt."""
    return interrupt.number if isinstance(interrupt, AskedToEnd) else int(signal.SIGINT)


@contextmanager
def heeded() -> Iterator[None]:
    """Raise AskedToEnd in this block at the first such signal; more of them don't disturb the cleaning up.

    One that the caller had ignored (nohup) stays so.
    """
    mine = threading.current_thread() is threading.main_thread()
    former = {number: signal.getsignal(number) for number in ASKING if mine}
    taken = [number for number, handler in former.items() if handler == signal.SIG_DFL]

    def ask(number: int, _frame: object) -> None:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        raise AskedToEnd(number)

    for number in taken:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, former[number])
