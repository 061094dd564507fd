"""Talking to the person: results to stdout, progress and log to stderr.

Core code takes a ``Progress`` and never prints. A terminal gets bars (rich, imported only
then), anything else gets plain lines, at most one every few seconds for one task.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import unicodedata
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from shared import troubles
from shared.i18n import _
from shared.terminal.waiting import Clock, Pending, ticking

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = logging.getLogger("ragtrace")
LOG.addHandler(logging.NullHandler())  # else logging prints warnings and tracebacks to stderr until a log is started
STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode: control, bidi, half characters, line ends
LINE_INTERVAL = 5.0  # seconds between two plain lines of one task
_left: set[Any] = set()  # streams that nobody reads any more


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: int) -> None:
        """Tell that so much more is done, in the unit of the task's total."""


class Progress(Protocol):
    """What the core needs of a user interface."""

    def step(self, text: str) -> None:
        """Tell that a new step of the story begins."""

    def wait(self, text: str) -> Any:
        """Tell that a step begins which may take long; the time passed is reported while the block lasts.

        Returns a context manager that gives a Pending.
        """

    def task(self, text: str, total: int) -> Any:
        """Return a context manager that gives a Task; total is in bytes, 0 when unknown."""

    def warn(self, text: str) -> None:
        """Tell something that the person should know, without stopping."""


class _Quiet:
    def advance(self, amount: int) -> None:
        pass


class NoProgress:
    """Says nothing on screen; the log gets it all the same."""

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
            leave(self.stream)  # whoever read the progress went away; the work goes on

    def step(self, text: str) -> None:
        LOG.info(text)
        self._write(text)

    @contextmanager
    def wait(self, text: str) -> Iterator[Pending]:
        self.step(text)

        def tell(detail: str, seconds: float) -> None:
            what = f"{text}: {detail}" if detail else text
            self._write("  " + _("{what}: {seconds:.0f} s so far").format(what=what, seconds=seconds))

        with ticking(tell, self.clock) as pending:
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
    """A stream whose end (a terminal that was closed) ends no work."""

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
        import rich.progress  # noqa: F401 - here, where a Python that lacks what it needs is reported
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
    """Return the progress display that fits where stderr goes."""
    target = sys.stderr if stream is None else stream
    if quiet:
        return NoProgress()
    if target.isatty() and os.environ.get("TERM") != "dumb":
        with suppress(ImportError):  # a Python without mmap, say: bars are not worth an installation
            return BarProgress(target)
    return LineProgress(target)


def visible(text: str) -> str:
    """Return text in which what would steer a terminal is an escape of JSON's: a medium may name its files so."""
    if text.isprintable():
        return text
    return "".join(
        _escaped(character) if character not in "\n\t" and unicodedata.category(character) in STEERING else character
        for character in text
    )


def _escaped(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]  # DEL, which json leaves as it is


def sentence(text: str) -> str:
    """Return text that stays one line: a name in it, of a file on a medium, may hold line ends to forge others."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def printable(text: str) -> str:
    """Return a text that cannot steer a terminal: reasons quote what programs wrote."""
    return "".join(character if character.isprintable() else " " for character in text)


def write_text(stream: IO[str] | None, text: str) -> None:
    """Write text to a stream whose encoding may lack some of its characters; a closed one (None) gets nothing."""
    if stream is None:
        return
    text = visible(text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def show(text: str) -> bool:
    """Write one line of the result to stdout, and return whether it went there; line ends in a name forge no other."""
    return show_lines(sentence(text))


def show_lines(text: str) -> bool:
    """Write lines of the result to stdout, and return whether they went there.

    What was done is done whoever reads of it: a stream that fails is reported on stderr, once, and is no error.
    """
    if sys.stdout in _left:
        return False
    try:
        write_text(sys.stdout, text + "\n")
    except BrokenPipeError:
        pass  # its reader has read enough
    except OSError as error:
        complain(
            _("warning: {text}").format(
                text=_("the output cannot be written: {reason}").format(reason=troubles.reason(error))
            )
        )
    else:
        return True
    leave(sys.stdout)
    _left.add(sys.stdout)
    return False


def is_read() -> bool:
    """Return whether what is shown still goes somewhere."""
    return sys.stdout not in _left


def steady() -> None:
    """Give this process the three streams that every program has: one that the caller closed leads nowhere.

    Else the next file that is opened gets its number, and what a library writes to stderr goes into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # noqa: PERF203 - three of them
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(number, True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as we live


def can_ask() -> bool:
    """Return whether a person is there to answer."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def answer() -> str:
    """Return the line that a person types, in lower case; '' where the input ends or is no text."""
    try:
        return sys.stdin.readline().strip().casefold()
    except (OSError, ValueError):  # the terminal hung up; bytes of another encoding
        return ""


def flush() -> None:
    """Write what is still buffered; what cannot be written is left, else Python ends with an exit code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # noqa: PERF203 - two of them
            leave(stream)


def show_json(value: Any) -> bool:
    """Write the result to stdout as one JSON document, and return whether it went there."""
    return show_document(json.dumps(value, ensure_ascii=False, indent=2))


def show_document(text: str) -> bool:
    """Write JSON to stdout; what its encoding lacks becomes an escape of JSON's own (RFC 8259, section 7)."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = "".join(character if character.isascii() else json.dumps(character)[1:-1] for character in text)
    return show_lines(text)


def complain(text: str) -> None:
    """Write one line to stderr, where that is possible."""
    try:
        write_text(sys.stderr, text + "\n")
    except OSError:
        leave(sys.stderr)


def leave(stream: IO[str] | None) -> None:
    """Let what is still buffered go nowhere: its reader went away or its disk is full. Python would tell at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno() if stream is not None else nowhere)
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # a stream without a file has nothing to flush into


def human_bytes(count: int) -> str:
    """Return a size for people, in the decimal units that disks are sold in."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def python_command() -> str:
    """Return the name under which Python answers on this platform's command line."""
    return "python" if sys.platform == "win32" else "python3"
