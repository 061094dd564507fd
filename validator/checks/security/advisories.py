"""Advisories: no installed package has a vulnerability that the newest snapshot on this host lists."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bundle.advisories.assess import FRESH, FUTURE
from bundle.advisories.matcher import named, part_name
from bundle.advisories.reports import words
from bundle.advisories.severity import LEVELS, PASS, RANK, worst
from bundle.strict import time_to_json
from installer.advisories import kinds, stored
from installer.advisories import scan as looking
from installer.trust.stores import host_trust_stores
from shared.errors import TrustError
from shared.i18n import _, joined, plural
from shared.terminal import counted
from validator.check import (
    BUNDLE,
    ERROR,
    KNOWN_UNTIL,
    OPERATOR,
    SECURITY,
    SKIP,
    WARN,
    Check,
    CheckResult,
    UncheckedError,
    some_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.advisories.assess import Assessment
    from bundle.advisories.matcher import Finding
    from installer.advisories.scan import InstalledScan
    from installer.release.installation import Installation
    from validator.subject import Subject


class Advisories(Check):
    """Compares every installed package with the snapshot in force, after testing the snapshot with known versions."""

    id = "security.advisories"
    category = SECURITY

    def title(self) -> str:
        return _("Known vulnerabilities")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        try:
            seen = scanned(subject.need_installation())
        except TrustError as error:  # altered, unsigned, or missing known vulnerabilities
            yield self.failed(error.what, suggestion=error.advice)
            return
        yield self.findings(seen)
        if seen.assessment.doubts:
            yield self.doubts(seen.assessment)
        yield self.age(seen, subject)
        if seen.assessment.expired:
            yield self.expired(seen.assessment)

    def findings(self, seen: InstalledScan) -> CheckResult:
        """Return the result of the scan."""
        found = seen.assessment
        metric = {"vulnerabilities": (1.0 * len(found.findings), "count"), "packages": (1.0 * found.packages, "count")}
        # at most WARN if the advisories are not fresh: they cannot prove that there is no (other) vulnerability
        status = worst([found.findings_status, PASS if found.age == FRESH else WARN])
        if not found.findings:
            details = plural(
                "none in {packages} package, as of {date}", "none in {packages} packages, as of {date}", found.packages
            ).format(packages=found.packages, date=date_of(seen))
            if found.removed:
                details += "; " + _("{count} removed by {names}").format(
                    count=len(found.removed), names=some_of(sorted({one.approver for _f, one in found.removed}))
                )
            if found.excepted:
                details += "; " + _("{count} excepted by {names}").format(
                    count=len(found.excepted), names=some_of(sorted({one.approver for _f, one in found.excepted}))
                )
            details += unjudged(found)
            return self.result(status, details, metric=metric, evidence=found.to_json())
        counts = Counter(finding.severity for finding in found.findings)
        levels = sorted((level for level in LEVELS if counts[level]), key=lambda level: -RANK[level])
        names = some_of(_named(one) for one in found.findings)
        details = _("{levels}: {names}").format(
            levels=", ".join(f"{counts[level]} {level}" for level in levels), names=names
        )
        details = joined("; ", [details, *words.summary_lines(found)]) + unjudged(found)
        return self.result(
            status,
            details,
            suggestion=_(
                "Transfer a bundle with fixed versions, or an exception signed by someone who verified that "
                "there is no impact here."
            )
            if any(one.gone is None for one in found.findings)
            else _(
                "Transfer a bundle with fixed versions, or a signed reason to drop the advisories that only earlier "
                "snapshots list."
            ),
            remedy=BUNDLE,
            metric=metric,
            evidence=found.to_json(),
        )

    def doubts(self, found: Assessment) -> CheckResult:
        """Return a warning about vulnerabilities that may or may not apply."""
        names = some_of(
            " ".join(filter(None, (named(doubt), doubt.id))) + f": {doubt.reason}" for doubt in found.doubts
        )
        malware = any(doubt.malware for doubt in found.doubts)
        return self.result(
            found.doubts_status,
            (_("possibly malware: {names}").format(names=names) if malware else names),
            suggestion=_("Check these manually."),
            evidence={"undecided": [doubt.to_json() for doubt in found.doubts]},
            name=_("Undecided vulnerabilities"),
        )

    def age(self, seen: InstalledScan, subject: Subject) -> CheckResult:
        """Return the result for the age of the advisories."""
        found, header = seen.assessment, seen.snapshot.header
        name, metric = _("Age of advisories"), {"age": (float(found.days), "days")}
        details = _("as of {date}, {days} ago; advisories: {count}, sequence {sequence}").format(
            date=date_of(seen), days=counted.days(found.days), count=header.counts["live"], sequence=header.sequence
        )
        evidence = {KNOWN_UNTIL: time_to_json(header.known_until)}
        if found.age == FRESH:
            return self.passed(details, metric=metric, evidence=evidence, name=name)
        if found.age == FUTURE:
            details = _("dated {date}, which is in the future: their age cannot be determined").format(
                date=date_of(seen)
            )
        return self.result(
            found.age_status,
            details,
            suggestion=_("Transfer a newer signed snapshot."),
            remedy=OPERATOR,
            command=subject.tool("advisories", "update", "advisories.zip"),
            metric=metric,
            evidence=evidence,
            name=name,
        )

    def expired(self, found: Assessment) -> CheckResult:
        """Return a warning about exceptions that are no longer in force."""
        names = some_of(
            f"{exemption.id} {exemption.package} ({exemption.expires:%Y-%m-%d})"
            for _finding, exemption in found.expired
        )
        return self.warned(
            _("exceptions not in force, so their findings are counted: {names}").format(names=names),
            suggestion=_("Transfer fixed versions, or have the exception signed again."),
            remedy=BUNDLE,
            name=_("Exceptions"),
        )


def unjudged(found: Assessment) -> str:
    """Return which components of the bundle were not judged, as the end of a sentence, or ""."""
    reasons = [f"{part_name(one.where)}: {one.unjudged}" for one in found.components if one.unjudged]
    return "; " + _("not judged: {components}").format(components="; ".join(reasons)) if reasons else ""


def scanned(installation: Installation) -> InstalledScan:
    """Scan the installed packages with the advisories in force.

    Raises UncheckedError if there are none, TrustError if they are altered, unsigned or miss known vulnerabilities.
    """
    trust_stores = host_trust_stores()
    if stored.in_force(kinds.SNAPSHOTS, installation, trust_stores) is None:
        raise UncheckedError(SKIP, _("neither the bundle nor an update contains advisories"))
    return looking.scan_installed(installation, trust_stores)


def _named(finding: Finding) -> str:
    about = ", ".join([finding.id, *([finding.gone.described()] if finding.gone else [])])
    return f"{named(finding)} ({about}) {words.marks_of(finding)}".rstrip()


def scanned_before(installation: Installation) -> InstalledScan:
    """Return the scan that another opinion is compared with. Raises UncheckedError if there is none."""
    try:
        return scanned(installation)
    except TrustError as error:
        raise UncheckedError(ERROR, _("incomplete: {reason}").format(reason=error.what)) from error


def date_of(seen: InstalledScan) -> str:
    """Return the date up to which the advisories are complete."""
    return f"{seen.snapshot.header.known_until:%Y-%m-%d}"
