"""What is known of the vulnerabilities of each target before a build, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.request.delta import name_of
from bundle.advisories.matcher import named
from bundle.advisories.reports import words
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from builder.request.verification import Foresight


def foresight_lines(foresights: Sequence[Foresight]) -> Iterator[str]:
    """Yield the lines about the known vulnerabilities of every target, and about the exceptions for all of them."""
    for foresight in foresights:
        yield from _target_lines(foresight)
    if foresights:
        yield from (f"  {line}" for line in words.futile_lines(foresights[0].assessment.futile))
    unused = words.unused_everywhere(one.assessment for one in foresights)
    if unused:
        yield f"  {words.unused_line(unused)}"


def _target_lines(foresight: Foresight) -> Iterator[str]:
    """Yield the lines about the known vulnerabilities of a target's packages and the result of the gate."""
    assessment = foresight.assessment
    yield plural(
        "Known vulnerabilities for {target}: {count} in {packages} package; {excepted} excepted",
        "Known vulnerabilities for {target}: {count} in {packages} packages; {excepted} excepted",
        assessment.packages,
    ).format(
        target=name_of(foresight.target),
        count=len(assessment.findings),
        packages=assessment.packages,
        excepted=len(assessment.excepted),
    )
    for finding in assessment.findings:
        mark = "!" if finding in foresight.failing else " "
        fixed, more = words.fixed_of(finding, 1), words.marks_of(finding)
        about = f"{finding.severity:<9} {named(finding)}  {finding.id}"
        yield f"  {mark} {about}  {fixed}  {more}".rstrip()
    yield from (f"    {line}" for line in words.summary_lines(assessment))
    for doubt in assessment.doubts:
        yield f"  {'!' if doubt in foresight.suspect else '?'} " + _("Undecided: {package} {id}: {reason}").format(
            package=named(doubt), id=doubt.id, reason=doubt.reason
        )
    yield from (f"  ? {line}" for line in words.unjudged_lines(assessment))
    for name in foresight.unknown:
        yield "  ? " + _("{package}: the lockfile has no version; the package is scanned after it is built").format(
            package=name
        )
    if foresight.passes:
        yield _("  The build would continue if the second scanner reported the same findings.")
    else:
        yield _("  The build would stop here because of the vulnerabilities marked !.")
