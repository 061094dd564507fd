"""Progress reporting: core code reports its progress, but never prints it.

A terminal gets bars (rich, imported only then), any other stream plain lines, at most one every few seconds
for each task.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from shared.i18n import _
from shared.terminal.console import LOG, human_bytes, leave, sentence, write_text
from shared.terminal.waiting import Clock, Pending, ticking

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_INTERVAL = 5.0  # seconds between two plain lines of one task


class Task(Protocol):
    """One piece of work in progress."""

    def advance(self, amount: int) -> None:
        """Report completed work, in the unit of the task's total."""


class Progress(Protocol):
    """The user interface that core code needs."""

    def step(self, text: str) -> None:
        """Report that a new step begins."""

    def wait(self, text: str) -> Any:
        """Report the beginning of a step that may take long; the elapsed time is shown while the block runs.

        Returns a context manager that provides a Pending.
        """

    def task(self, text: str, total: int) -> Any:
        """Return a context manager that provides a Task; ``total`` is in bytes, or 0 if unknown."""

    def warn(self, text: str) -> None:
        """Report a warning to the user, without stopping."""


class _Quiet:
    def advance(self, amount: int) -> None:
        pass


class NoProgress:
    """Prints nothing; everything is still logged."""

    def step(self, text: str) -> None:
        LOG.info(text)

    @contextmanager
    def wait(self, text: str) -> Iterator[Pending]:
        self.step(text)
        yield Pending()

    @contextmanager
    def task(self, text: str, total: int) -> Iterator[Task]:
        LOG.info("%s (%d bytes)", text, total)
        yield _Quiet()

    def warn(self, text: str) -> None:
        LOG.warning(text)


class _LineTask:
    def __init__(self, write: Any, text: str, total: int) -> None:
        self.write, self.text, self.total = write, text, total
        self.done = 0
        self.last = time.monotonic()

    def advance(self, amount: int) -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.last >= LINE_INTERVAL and self.total:
            self.last = now
            self.write(f"  {self.text}: {100 * self.done // self.total} %")


class LineProgress:
    """Plain lines, for pipes, logs and dumb terminals."""

    def __init__(self, stream: IO[str], clock: Clock | None = None) -> None:
        self.stream, self.clock = stream, clock or Clock()

    def _write(self, text: str) -> None:
        try:
            write_text(self.stream, sentence(text) + "\n")
        except OSError:
            leave(self.stream)  # the reader has closed it; the work continues

    def step(self, text: str) -> None:
        LOG.info(text)
        self._write(text)

    @contextmanager
    def wait(self, text: str) -> Iterator[Pending]:
        self.step(text)

        def report(detail: str, seconds: float) -> None:
            what = f"{text}: {detail}" if detail else text
            self._write("  " + _("{what}: {seconds:.0f} s so far").format(what=what, seconds=seconds))

        with ticking(report, self.clock) as pending:
            yield pending

    @contextmanager
    def task(self, text: str, total: int) -> Iterator[Task]:
        LOG.info("%s (%d bytes)", text, total)
        started = time.monotonic()
        yield _LineTask(self._write, text, total)
        size = f"{human_bytes(total)}, " if total else ""
        self._write(f"  {text}: {size}{time.monotonic() - started:.1f} s")

    def warn(self, text: str) -> None:
        LOG.warning(text)
        self._write(_("warning: {text}").format(text=text))


class _BarTask:
    def __init__(self, bars: Any, identifier: Any) -> None:
        self.bars, self.identifier = bars, identifier

    def advance(self, amount: int) -> None:
        self.bars.advance(self.identifier, amount)


class _Spinning(Pending):
    def __init__(self, bars: Any, identifier: Any) -> None:
        super().__init__()
        self.bars, self.identifier = bars, identifier

    def about(self, detail: str) -> None:
        super().about(detail)
        self.bars.update(self.identifier, description=sentence(detail))


class _Steady:
    """A stream whose failure (a closed terminal) does not stop the work."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except OSError:
            leave(self.stream)
            return len(text)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError:
            leave(self.stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class BarProgress:
    """Bars with rate and remaining time, for a terminal."""

    def __init__(self, stream: IO[str]) -> None:
        import rich.progress  # noqa: F401 - here, so that a Python that lacks a module is detected
        from rich.console import Console as RichConsole

        self.rich = RichConsole(file=cast("IO[str]", _Steady(stream)), highlight=False, markup=False)

    def step(self, text: str) -> None:
        LOG.info(text)
        self.rich.print(sentence(text), style="bold")

    @contextmanager
    def wait(self, text: str) -> Iterator[Pending]:
        from rich import progress

        self.step(text)
        columns = (
            progress.SpinnerColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.description}", markup=False),
        )
        with progress.Progress(*columns, console=self.rich, transient=True) as bars:
            yield _Spinning(bars, bars.add_task("", total=None))

    @contextmanager
    def task(self, text: str, total: int) -> Iterator[Task]:
        from rich import progress

        LOG.info("%s (%d bytes)", text, total)
        columns = (
            progress.TextColumn("  {task.description}", markup=False),
            progress.BarColumn(bar_width=24),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        )
        with progress.Progress(*columns, console=self.rich) as bars:
            yield _BarTask(bars, bars.add_task(sentence(text), total=total or None))

    def warn(self, text: str) -> None:
        LOG.warning(text)
        self.rich.print(_("warning: {text}").format(text=sentence(text)), style="yellow")


def make_progress(*, quiet: bool = False, stream: IO[str] | None = None) -> Progress:
    """Return the progress display that fits stderr, or ``stream``."""
    target = sys.stderr if stream is None else stream
    if quiet:
        return NoProgress()
    if target.isatty() and os.environ.get("TERM") != "dumb":
        with suppress(ImportError):  # for example a Python without mmap: missing bars must not stop an installation
            return BarProgress(target)
    return LineProgress(target)
