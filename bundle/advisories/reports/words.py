"""What builder and host say about findings, so that both say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.advisories import matcher
from bundle.advisories.matcher import POSSIBLE
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bundle.advisories.assess import Assessment
    from bundle.advisories.exceptions import Exemption
    from bundle.advisories.matcher import Finding
    from bundle.advisories.signals.exploits import Exploits

SHOWN = 8  # findings or exceptions listed in a sentence


def marks_of(finding: Finding) -> str:
    """Return what makes a finding more or less urgent than its severity, in brackets, or ""."""
    marks = []
    if finding.malware:
        marks.append(_("malware"))
    if finding.certainty == POSSIBLE:
        marks.append(_("possible"))
    if finding.kev:
        marks.append(_("exploited: in KEV since {date}").format(date=finding.kev))
    if finding.epss is not None:
        marks.append(f"EPSS {percent(finding.epss)}")
    return f"[{', '.join(marks)}]" if marks else ""


def percent(share: float) -> str:
    """Return an EPSS score as a percentage with one digit; one that is not zero is never shown as zero."""
    return f"{100 * share:.1f}%" if share >= 0.0005 or not share else "<0.1%"


def fixed_of(finding: Finding, most: int | None = None) -> str:
    """Return the fixed versions of a finding in words."""
    if not finding.fixed:
        return _("no fix known")
    return _("fixed in {versions}").format(versions=", ".join(finding.fixed[:most]))


def summary_lines(assessment: Assessment) -> Iterator[str]:
    """Yield a sentence about each kind of finding that the severities alone hide."""
    found = assessment.findings
    malware = [one for one in found if one.malware]
    if malware:
        text = plural("{count} is malware: {names}", "{count} are malware: {names}", len(malware))
        yield text.format(count=len(malware), names=named(malware))
    exploited = [one for one in found if one.kev]
    if exploited:
        text = plural(
            "{count} is known to be exploited (CISA KEV): {names}",
            "{count} are known to be exploited (CISA KEV): {names}",
            len(exploited),
        )
        yield text.format(count=len(exploited), names=named(exploited))
    possible = sum(one.certainty == POSSIBLE for one in found)
    if possible:
        yield plural(
            "{count} of {total} is only possible, because its advisory contradicts itself",
            "{count} of {total} are only possible, because their advisories contradict themselves",
            possible,
        ).format(count=possible, total=len(found))
    if assessment.unscored:
        yield unscored_of(assessment)
    if assessment.unfixed:
        text = plural(
            "{count} without a fixed version is ignored (--ignore-until-fixed): {names}",
            "{count} without a fixed version are ignored (--ignore-until-fixed): {names}",
            len(assessment.unfixed),
        )
        yield text.format(count=len(assessment.unfixed), names=named(assessment.unfixed))


def unjudged_lines(assessment: Assessment) -> Iterator[str]:
    """Yield a sentence about each part of a bundle that could not be compared with advisories."""
    for component in assessment.components:
        if component.unjudged:
            yield _("Not judged: {component}: {reason}.").format(
                component=matcher.part_name(component.where), reason=component.unjudged
            )


def unscored_of(assessment: Assessment) -> str:
    """Return the number of findings without a score in words."""
    text = plural("{count} of {total} has no score", "{count} of {total} have no score", assessment.unscored)
    return text.format(count=assessment.unscored, total=len(assessment.findings))


def exploit_lines(exploits: Exploits) -> Iterator[str]:
    """Yield a line about each catalogue of exploitation that a snapshot has."""
    kev, epss = exploits.catalogue, exploits.scores
    if kev:
        yield plural(
            "KEV:        {count} CVE known to be exploited, as of {date}",
            "KEV:        {count} CVEs known to be exploited, as of {date}",
            len(kev.exploited),
        ).format(count=len(kev.exploited), date=kev.released)
    if epss:
        text = plural(
            "EPSS:       {count} CVE, as of {date}", "EPSS:       {count} CVEs, as of {date}", len(epss.scores)
        )
        yield text.format(count=len(epss.scores), date=epss.date)


def futile_lines(futile: tuple[tuple[Exemption, str], ...]) -> Iterator[str]:
    """Yield a sentence about each exception that cannot do what it should."""
    for one, reason in futile:
        yield _("The exception for {id} in {package} {versions} has no effect: {reason}.").format(
            id=one.id, package=one.package, versions=one.versions, reason=reason
        )


def unused_everywhere(assessments: Iterable[Assessment]) -> tuple[Exemption, ...]:
    """Return the exceptions that cover nothing in any of these assessments, without those that are futile anyway."""
    found = list(assessments)
    if not found:
        return ()
    pointless = {id(one) for assessment in found for one, _reason in assessment.futile}
    others = [{id(one) for one in assessment.unused} for assessment in found[1:]]
    return tuple(
        one for one in found[0].unused if id(one) not in pointless and all(id(one) in unused for unused in others)
    )


def unused_line(unused: tuple[Exemption, ...]) -> str:
    """Return a sentence about exceptions that cover no finding."""
    names = ", ".join([f"{one.id} {one.package} {one.versions}" for one in unused[:SHOWN]])
    text = plural(
        "{count} exception covers nothing here: {names}", "{count} exceptions cover nothing here: {names}", len(unused)
    )
    return text.format(count=len(unused), names=names + (", …" if len(unused) > SHOWN else ""))


def named(findings: tuple[Finding, ...] | list[Finding]) -> str:
    """Return the first findings, each with its package and id."""
    names = [f"{matcher.named(one)} ({one.id})" for one in findings[:SHOWN]]
    return ", ".join([*names, *(["…"] if len(findings) > SHOWN else [])])
