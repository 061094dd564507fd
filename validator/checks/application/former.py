"""Previous releases: the releases that a rollback may activate are unchanged since they were sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.change import retention
from installer.release.sealing import intact
from shared.i18n import _
from validator.check import APPLICATION, FULL, SKIP, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class PreviousReleases(Check):
    """Reads every file of each retained release except the active one, and compares it with that release's receipt."""

    id = "ragtrace.former"
    category = APPLICATION
    time_limit = 1800.0
    effort = FULL

    def title(self) -> str:
        return _("Previous releases")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        active = prefix.active()
        without_mark = retention.unmarked(prefix)
        stored = [*prefix.complete_releases(), *([without_mark] if without_mark else [])]
        others = [release for release in stored if active is None or release.id != active.id]
        if not others:
            raise UncheckedError(SKIP, _("no other release is retained"))
        found = {release.id: intact.damage(prefix, release) for release in others}
        for name, trouble in found.items():
            if trouble:
                yield self.warned(
                    f"{name}: {trouble}",
                    suggestion=_("Transfer its bundle if a rollback cannot rebuild it from the stored files."),
                    evidence={"release": name},
                )
        if not any(found.values()):
            yield self.passed(_("as installed: {names}").format(names=", ".join(found)))
