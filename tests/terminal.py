"""A person at a terminal, for tests of what asks: a real pseudo-terminal as standard input."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# how an answer may end; "hung up" is a terminal that is gone before anything is typed
ENDINGS = {
    "Ctrl-D": b"\x04",
    "cut short": b"ye\x04\x04\x04\x04",
    "no UTF-8": b"\xff\xfe\n",
    "empty": b"\n",
    "hung up": None,
}


@contextmanager
def typing(typed: bytes | None) -> Iterator[None]:
    """Let standard input be a terminal at which somebody types this; None: it is gone before anything is typed."""
    master, slave = os.openpty()
    previous = sys.stdin
    try:
        with open(slave, encoding="utf-8", closefd=False) as stream:
            sys.stdin = stream
            if typed is not None:
                os.write(master, typed)
            else:
                os.close(master)
            yield
    finally:
        sys.stdin = previous
        os.close(slave)
        if typed is not None:
            os.close(master)
