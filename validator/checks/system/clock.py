"""Clock: it is not before the bundle was built, nor before the release was installed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from shared.i18n import _
from validator.check import SYSTEM, Check, CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

SLACK = timedelta(days=1)  # two clocks, and time zones that someone set wrongly


class Clock(Check):
    """Reads this host's time, and the times in manifest and receipt."""

    id = "system.clock"
    category = SYSTEM

    def title(self) -> str:
        return _("Clock")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        current = now()
        known = (
            (_("the bundle was built"), subject.need_manifest().created),
            (_("it was installed"), subject.need_receipt().installed),
        )
        for event, text in known:
            time = datetime.fromisoformat(text.replace("Z", "+00:00"))
            if time - current > SLACK:
                yield self.warned(
                    _("the clock shows {now} UTC, but {event} on {time}").format(
                        now=f"{current:%Y-%m-%d %H:%M}", event=event, time=text
                    ),
                    suggestion=_("Set the host's clock."),
                )
                return
        yield self.passed(f"{current:%Y-%m-%d %H:%M} UTC")


def now() -> datetime:
    """Return the host's time."""
    return datetime.now(timezone.utc)
