"""Clock: the host's time is not before the bundle was built or the release was installed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from installer.install.requirements import CLOCK
from shared.i18n import _
from validator.check import SYSTEM, Check, CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Clock(Check):
    """Compares this host's time with the times in manifest and receipt."""

    id = "system.clock"
    category = SYSTEM

    def title(self) -> str:
        return _("Clock")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        manifest, receipt, now = subject.need_manifest(), subject.need_receipt(), CLOCK.seen()
        advice, shown = _("Set the host's clock."), f"{now:%Y-%m-%d %H:%M}"
        built = CLOCK.judge(manifest, now)
        if built.warns:
            yield self.warned(built.details, suggestion=advice)
        elif CLOCK.is_behind(datetime.fromisoformat(receipt.installed.replace("Z", "+00:00")), now):
            details = _("the clock shows {now} UTC, but {event} on {time}")
            installed = details.format(now=shown, event=_("the release was installed"), time=receipt.installed)
            yield self.warned(installed, suggestion=advice)
        else:
            yield self.passed(f"{shown} UTC")
