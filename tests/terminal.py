"""A person at a terminal, for tests of what asks: a real pseudo-terminal as standard input."""

from __future__ import annotations

import codecs
import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

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


class Dialogue:
    """A program at a pseudo-terminal of its own, with what it has shown and the lines that somebody typed there."""

    def __init__(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None):
        self.shown, self._read = "", 0
        self.typed: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._master, slave = os.openpty()
        self._program = subprocess.Popen(
            [str(part) for part in argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)

    def until(self, text: str, seconds: float = 300) -> str:
        """Wait until the program shows this; return all that it has shown since the last time."""
        end = time.monotonic() + seconds
        while text not in self.shown[self._read :]:
            assert self._more(end), f"{text!r} was not shown: {self.shown}"
        begin, self._read = self._read, self.shown.index(text, self._read) + len(text)
        return self.shown[begin : self._read]

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        self.typed.append(line)
        os.write(self._master, f"{line}\n".encode())

    def press(self, keys: bytes) -> None:
        """Press keys that are no line, as Ctrl-D is."""
        os.write(self._master, keys)

    def end(self, seconds: float = 300) -> int:
        """Wait for the end and return the exit code."""
        limit = time.monotonic() + seconds
        while self._more(limit):
            pass
        os.close(self._master)
        return self._program.wait(seconds)

    def _more(self, end: float) -> bool:
        """Read what comes next; return False at the end of the output."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            self._program.kill()
            raise AssertionError(f"nothing more came: {self.shown}")
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # Linux: the last user of the terminal has gone
            data = b""
        self.shown += self._decoder.decode(data).replace("\r\n", "\n")
        return bool(data)
