"""Whoever waits is told for what and how long; a made-up clock stands for the real one."""

from __future__ import annotations

import io
import threading

import pytest

from shared.terminal.progress import BarProgress, LineProgress, NoProgress
from shared.terminal.waiting import INTERVAL, Clock, ticking


class MadeUp(Clock):
    """Passes at once, but only as often as is wanted; then it stands still until the wait is over."""

    def __init__(self, pauses: int) -> None:
        self.moment, self.left = 0.0, pauses
        self.spent = threading.Event()

    def now(self) -> float:
        return self.moment

    def pause(self, over: threading.Event, seconds: float) -> bool:
        if self.left:
            self.left -= 1
            self.moment += seconds
            return False
        self.spent.set()
        return over.wait()


def test_lines_tell_what_is_waited_for_and_for_how_long() -> None:
    clock, stream = MadeUp(3), io.StringIO()
    with LineProgress(stream, clock).wait("Testing the application: tiny --help"):
        assert clock.spent.wait(60)
    assert stream.getvalue().splitlines() == [
        "Testing the application: tiny --help",
        "  Testing the application: tiny --help: 15 s so far",
        "  Testing the application: tiny --help: 30 s so far",
        "  Testing the application: tiny --help: 45 s so far",
    ]


def test_what_ends_soon_is_told_once() -> None:
    clock, stream = MadeUp(0), io.StringIO()
    with LineProgress(stream, clock).wait("Looking"):
        pass
    assert stream.getvalue() == "Looking\n"


def test_the_part_that_is_under_way_is_named() -> None:
    class AfterWord(MadeUp):
        """Does not begin before the first word."""

        spoken = threading.Event()

        def pause(self, over: threading.Event, seconds: float) -> bool:
            assert self.spoken.wait(60)
            return super().pause(over, seconds)

    clock, stream = AfterWord(1), io.StringIO()
    with LineProgress(stream, clock).wait("Looking") as pending:
        pending.about("Model files, Integrity")
        clock.spoken.set()
        assert clock.spent.wait(60)
    assert stream.getvalue().splitlines()[1] == "  Looking: Model files, Integrity: 15 s so far"


def test_an_error_ends_the_telling() -> None:
    clock = MadeUp(0)
    with pytest.raises(KeyboardInterrupt), ticking(lambda _detail, _seconds: None, clock):
        raise KeyboardInterrupt
    assert not [thread for thread in threading.enumerate() if thread.name == "waiting"]


def test_a_terminal_shows_the_time_passed() -> None:
    stream = io.StringIO()
    progress = BarProgress(stream)
    with progress.wait("Testing the application: tiny --help") as pending:
        pending.about("it imports torch")
    assert "Testing the application: tiny --help" in stream.getvalue()


def test_silence_is_asked_for_and_kept() -> None:
    with NoProgress().wait("Looking") as pending:
        pending.about("anything")


def test_a_line_comes_every_quarter_of_a_minute() -> None:
    assert INTERVAL == 15.0
