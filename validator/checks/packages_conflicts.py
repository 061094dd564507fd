"""Dependency conflicts: every package finds the others that it asks for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.i18n import _
from bootstrap.uv import Uv
from validator import trial
from validator.check import ERROR, NORMAL, PACKAGES, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Conflicts(Check):
    """Reads what ``uv pip check`` says of the release's environment."""

    id = "packages.conflicts"
    category = PACKAGES
    time_limit = 120.0
    effort = NORMAL

    def title(self) -> str:
        return _("Dependencies")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release = subject.need_release()
        if not subject.need_manifest().packages:
            raise UncheckedError(SKIP, _("the bundle has no packages"))
        limit = self.left()
        with tempfile.TemporaryDirectory(prefix="ragtrace-") as scratch:
            ended = Uv(Path(scratch)).check(release.python, timeout=limit)
        if ended.ok:
            yield self.passed(_("every package finds what it asks for"))
            return
        lines = [line.strip() for line in ended.stderr.splitlines()]
        conflicts = [line for line in lines if line.startswith("The package ")]
        if ended.timed_out or not conflicts:
            raise UncheckedError(ERROR, _("uv pip check: {reason}").format(reason=trial.ending(ended, limit)))
        yield self.failed(some_of(conflicts), evidence={"conflicts": conflicts}, **subject.repair())
