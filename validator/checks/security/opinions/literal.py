"""A second opinion: the records themselves, evaluated as the OSV specification says, judge as the matcher does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.advisories.raw.agreement import differences
from bundle.advisories.raw.literal import AFFECTED
from installer.advisories.packages import installed
from shared.errors import TrustError
from shared.i18n import _, plural
from validator.check import NORMAL, OPERATOR, SECURITY, Check, CheckResult, some_of
from validator.checks.security.advisories import scanned_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class LiteralEvaluation(Check):
    """Evaluates every published record of the snapshot by the OSV specification, and compares it with the matcher."""

    id = "security.literal"
    category = SECURITY
    time_limit = 120.0  # seconds; 7,080 records usually take 0.3
    effort = NORMAL

    def title(self) -> str:
        return _("Published records")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        seen = scanned_before(installation)
        if not seen.snapshot.header.has_records:
            yield self.warned(
                _("the advisories are of format 1, which has no records: only their index was searched"),
                suggestion=_("Transfer a newer signed snapshot."),
                remedy=OPERATOR,
                command=subject.tool("advisories", "update", "advisories.zip"),
            )
            return
        packages = [(one.name, one.version) for one in installed(installation)]
        try:
            judged = seen.snapshot.evaluate(packages)
        except TrustError as error:
            yield self.failed(error.what, suggestion=error.advice)
            return
        found = differences(seen.scan.judged, judged)
        if found:
            yield self.result(
                "WARN" if all(one.is_open for one in found) else "FAIL",
                _("index and records disagree: {names}").format(names=some_of(map(str, found))),
                suggestion=_(
                    "Do not rely on the advisories: check these packages manually, and report the difference to "
                    "whoever signed the snapshot."
                ),
                evidence={"differences": [dict(vars(one)) for one in found]},
            )
            return
        yield self.passed(
            plural(
                "the published records give the same findings in {packages} package: {count}",
                "the published records give the same findings in {packages} packages: {count}",
                seen.assessment.packages,
            ).format(count=sum(verdict == AFFECTED for verdict in judged.values()), packages=seen.assessment.packages)
        )
