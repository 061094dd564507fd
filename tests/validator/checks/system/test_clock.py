from __future__ import annotations

from datetime import datetime, timedelta, timezone

from installer.install.requirements import CLOCK
from tests.validator.checking import look
from validator.check import PASS, SKIP, WARN
from validator.checks.system.clock import Clock


def test_a_clock_that_goes_right(prefix) -> None:
    assert look(Clock, prefix).status == PASS


def test_a_clock_before_the_bundle_was_built(prefix, monkeypatch) -> None:
    monkeypatch.setattr(type(CLOCK), "seen", lambda _clock: datetime(2025, 1, 1, tzinfo=timezone.utc))
    result = look(Clock, prefix)
    assert (result.status, "built" in result.details) == (WARN, True)


def test_a_clock_before_the_installation(prefix, monkeypatch) -> None:
    monkeypatch.setattr(type(CLOCK), "seen", lambda _clock: datetime(2026, 2, 2, tzinfo=timezone.utc))
    result = look(Clock, prefix)
    assert (result.status, "installed" in result.details) == (WARN, True)


def test_another_time_zone_is_no_trouble(prefix, monkeypatch) -> None:
    a_little_back = datetime.now(timezone.utc) - timedelta(hours=14)
    monkeypatch.setattr(type(CLOCK), "seen", lambda _clock: a_little_back)
    assert look(Clock, prefix).status == PASS


def test_with_nothing_installed_there_is_nothing_to_compare() -> None:
    assert look(Clock, None).status == SKIP
