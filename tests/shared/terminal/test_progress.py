from __future__ import annotations

import io
import sys

import pytest

from shared.terminal import progress

pytestmark = pytest.mark.usefixtures("host")

STEERS = "\x1b[2J\x9b1m\x07\u202egnp\udcff\u2028\r|"


class Broken(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_plain_lines_where_there_is_no_terminal(monkeypatch) -> None:
    stream = io.StringIO()
    shown = progress.make_progress(stream=stream)
    assert isinstance(shown, progress.LineProgress)
    monkeypatch.setattr(progress, "LINE_INTERVAL", 0.0)
    shown.step("Step")
    with shown.task("file", 2000) as task:
        task.advance(1000)
    shown.warn("careful")
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["Step", "  file: 50 %"]
    assert lines[2].startswith("  file: 2.0 kB, ")
    assert lines[3:] == ["warning: careful"]


def test_bars_on_a_terminal(monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    shown = progress.make_progress(stream=Terminal())
    assert isinstance(shown, progress.BarProgress)
    with shown.task("[file]", 10) as task:
        task.advance(10)
    shown.step("x")
    shown.warn("y")
    assert "[file]" in shown.rich.file.getvalue()  # type: ignore[attr-defined]
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress.make_progress(stream=Terminal()), progress.LineProgress)
    assert isinstance(progress.make_progress(quiet=True, stream=Terminal()), progress.NoProgress)


def test_lines_where_this_python_cannot_load_what_bars_need(monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    assert isinstance(progress.make_progress(stream=Terminal()), progress.LineProgress)


def test_quiet_means_quiet(capsys) -> None:
    shown = progress.make_progress(quiet=True)
    shown.step("x")
    shown.warn("y")
    with shown.task("z", 1) as task:
        task.advance(1)
    assert capsys.readouterr() == ("", "")


def test_progress_that_nobody_reads_stops_nothing() -> None:
    shown = progress.LineProgress(Broken())
    shown.step("one")
    with shown.task("two", 10) as task:
        task.advance(10)


@pytest.mark.parametrize("kind", [progress.LineProgress, progress.BarProgress])
def test_nothing_steers_the_terminal(kind) -> None:
    stream = io.StringIO()
    shown = kind(stream)
    shown.step(STEERS)
    shown.warn(STEERS)
    with shown.task(STEERS, 1) as task:
        task.advance(1)
    assert stream.getvalue().count("[2J") == stream.getvalue().count(r"\u001b[2J") == 3
