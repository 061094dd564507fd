"""A second scanner: safety reports the same findings for the same advisories as the matcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.advisories import safety
from installer.advisories.packages import installed
from installer.release import tools_environment
from shared.errors import ToolError
from shared.i18n import _, plural
from validator.check import ERROR, NORMAL, SECURITY, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.checks.security.advisories import scanned_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class SecondScanner(Check):
    """Runs safety from the release's tools environment, without a network, and compares it with the matcher."""

    id = "security.safety"
    category = SECURITY
    time_limit = safety.TIMEOUT
    effort = NORMAL

    def title(self) -> str:
        return _("Second scanner")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        seen = scanned_before(installation)
        version = installation.manifest.target.python
        if version in tools_environment.WITHOUT_SAFETY and not tools_environment.entries_of(installation.manifest):
            reason = _("safety has no release for Python {version} without known vulnerabilities")
            raise UncheckedError(SKIP, reason.format(version=version))
        python = tools_environment.python_of(installation.release)
        if not python.exists():
            raise UncheckedError(ERROR, _("incomplete: safety is not installed, so only one scanner ran"))
        packages = [(one.name, one.version) for one in installed(installation) if one.version is not None]
        try:
            found = safety.second_opinion(python, seen.snapshot, packages, limit=self.left())
        except ToolError as error:
            raise UncheckedError(ERROR, _("incomplete: {reason}").format(reason=error.what)) from error
        if found.blind:
            yield self.failed(
                _("safety gives wrong results for these known cases: {names}").format(names=some_of(found.blind))
            )
            return
        differences = safety.differences(seen.scan.hits, found.hits)
        if differences:
            yield self.failed(
                _("the scanners disagree: {names}").format(names=some_of(differences)),
                suggestion=_(
                    "Trust neither scanner: check these packages manually, and report the disagreement to "
                    "whoever built the bundle."
                ),
                evidence={"differences": differences},
            )
        else:
            yield self.passed(
                plural(
                    "safety reports the same findings in {packages} package: {count}",
                    "safety reports the same findings in {packages} packages: {count}",
                    seen.assessment.packages,
                ).format(count=len(found.hits), packages=seen.assessment.packages)
            )
