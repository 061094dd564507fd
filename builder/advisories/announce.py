"""What the gate of a build says about a scan that does not stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.advisories.assess import FRESH, FUTURE
from bundle.advisories.matcher import named
from bundle.advisories.reports import words
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bundle.advisories.assess import Assessment
    from shared.terminal.progress import Progress


def announce(assessment: Assessment, progress: Progress) -> None:
    """Warn about problems that do not stop the build by themselves."""
    if assessment.age == FUTURE:
        progress.warn(_("The advisories are dated in the future: check the clocks here and where they were created."))
    elif assessment.age != FRESH:
        progress.warn(
            plural(
                "The advisories are {days} day old: fetch newer ones.",
                "The advisories are {days} days old: fetch newer ones.",
                assessment.days,
            ).format(days=assessment.days)
        )
    for finding, exemption in assessment.expired:
        progress.warn(
            _("The exception for {id} in {package} is not in force (expiry date: {time}).").format(
                id=exemption.id, package=finding.package, time=f"{exemption.expires:%Y-%m-%d}"
            )
        )
    for line in words.futile_lines(assessment.futile):
        progress.warn(line)
    _announce_findings(assessment, progress)


def _announce_findings(assessment: Assessment, progress: Progress) -> None:
    for doubt in assessment.doubts:
        progress.warn(
            _("Undecided: {package} {id}: {reason}").format(package=named(doubt), id=doubt.id, reason=doubt.reason)
        )
    for line in words.unjudged_lines(assessment):
        progress.warn(line)
    for finding in assessment.findings:
        text = _("Known vulnerability ({severity}): {package}: {ids}; {fixed} {marks}").format(
            severity=finding.severity,
            package=named(finding),
            ids=", ".join(finding.ids[:3]),
            fixed=words.fixed_of(finding, 1),
            marks=words.marks_of(finding),
        )
        progress.warn(text.rstrip())
    for line in words.summary_lines(assessment):
        progress.warn(_("Known vulnerabilities: {sentence}.").format(sentence=line))


def announce_unused(assessments: Iterable[Assessment], progress: Progress) -> None:
    """Warn about exceptions that cover no finding of any target."""
    unused = words.unused_everywhere(assessments)
    if unused:
        progress.warn(words.unused_line(unused) + ".")
