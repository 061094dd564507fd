"""uv: the embedded uv runs, and its version is the one that was shipped."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from installer.release import acceptance
from shared.i18n import _
from shared.processes import process
from shared.programs import uv
from validator.check import ERROR, TOOLS, Check, CheckResult, UncheckedError
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class UvTool(Check):
    """Compares the output of ``uv --version`` with the version in the metadata of the package uv."""

    id = "tools.uv"
    category = TOOLS
    time_limit = 30.0

    def title(self) -> str:
        return _("uv")

    def run(self, subject: Subject) -> Iterator[CheckResult]:  # noqa: ARG002 - uv is part of this tool
        try:
            shipped = metadata.version("uv")
        except metadata.PackageNotFoundError:
            raise UncheckedError(
                ERROR, _("this tool has no record of the uv version that it was shipped with")
            ) from None
        program, limit = uv.binary(), self.left()
        ended = process.run([str(program), "--version"], env=acceptance.basic_environment(), timeout=limit)
        words = ended.stdout.split()
        advice = _("Copy ragtrace-install.pyz again from the medium.")
        if not ended.ok or len(words) < 2:
            details = _("{program} does not report its version: {reason}").format(
                program=program, reason=trial.ending(ended, limit)
            )
            yield self.failed(details, suggestion=advice)
        elif words[1] != shipped:
            details = _("{program} is version {found}, but {shipped} was shipped").format(
                program=program, found=words[1], shipped=shipped
            )
            yield self.failed(details, suggestion=advice)
        else:
            yield self.passed(shipped)
