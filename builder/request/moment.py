"""The time and counter of a release: as requested, or else from the project."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.sources.checkout import changed, commit_time, source_commit
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from builder.request.request import Request
    from bundle.manifest import Manifest

OPTION, VARIABLE, COMMIT, CLOCK = "option", "variable", "commit", "clock"


@dataclass(frozen=True)
class Moment:
    """The time of a release in seconds since 1970, its counter, and the counter's origin (OPTION, VARIABLE, …)."""

    epoch: int
    counter: int
    origin: str

    def advice(self, base: Manifest, project_root: Path) -> str:
        """Return advice for a base that is not older than this release, depending on the counter's origin."""
        if self.origin == OPTION:
            return _("Use a --counter above {counter}, or an earlier base bundle.").format(counter=base.product.counter)
        if self.origin == VARIABLE:
            return _(
                "Set SOURCE_DATE_EPOCH, which sets the release counter, to a later time, or use a higher --counter."
            )
        if self.origin == CLOCK:
            return _(
                "Correct this machine's clock, which sets the release counter if there is no commit, or use a "
                "higher --counter."
            )
        if changed(project_root):
            return _("Commit your changes, or use a higher --counter; the commit time sets the release counter.")
        if (base.source_commit or "").partition("-")[0] == source_commit(project_root):
            return _(
                "Commit what you want to release, or use a higher --counter; the base bundle was built from the "
                "checked-out commit."
            )
        return _(
            "Check out a later commit than the base bundle's, or use an earlier base bundle or a higher "
            "--counter; the commit time sets the release counter."
        )


def moment_of(request: Request) -> Moment:
    """Return the time and counter of a release.

    The time is SOURCE_DATE_EPOCH, else the commit's, else the clock's; the counter is --counter, else that time.
    """
    commit = commit_time(request.project_root) if request.epoch is None else None
    if request.epoch is not None:
        epoch, origin = request.epoch, VARIABLE
    else:
        epoch, origin = (commit, COMMIT) if commit else (int(time.time()), CLOCK)
    if request.counter is not None:
        return Moment(epoch, request.counter, OPTION)
    return Moment(epoch, max(epoch, 1), origin)
