"""Findings for other tools: SARIF 2.1.0 (OASIS), with the package URL of each package as its logical location."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundle.advisories.matcher import LINK, POSSIBLE
from bundle.advisories.severity import FAIL, WARN
from bundle.advisories.vex import purl
from bundle.digest import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bundle.advisories.assess import Assessment
    from bundle.advisories.exceptions import Exemption
    from bundle.advisories.matcher import Doubt, Finding

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
TOOL = "ragtrace"
UNDECIDED = "undecided"  # the rule of doubts that are about all advisories of a package
FINGERPRINT = "ragtrace/v1"
LEVELS = {FAIL: "error", WARN: "warning"}


def sarif(assessments: Mapping[str, Assessment], version: str) -> dict[str, Any]:
    """Return a SARIF log with a run for each assessment; its name identifies the run. ``version`` is this tool's."""
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [_run(name, found, version) for name, found in assessments.items()],
    }


def _run(name: str, found: Assessment, version: str) -> dict[str, Any]:
    excepted = [_result(found, finding, exemption) for finding, exemption in found.excepted]
    results = [*(_result(found, finding) for finding in found.findings), *excepted, *map(_review, found.doubts)]
    rules = {one.id: _rule(one) for one in (*found.findings, *(one for one, _exemption in found.excepted))}
    for doubt in found.doubts:
        rules.setdefault(doubt.id or UNDECIDED, {"id": doubt.id or UNDECIDED})
    places = {identifier: place for place, identifier in enumerate(rules)}
    return {
        "tool": {"driver": {"name": TOOL, "version": version, "rules": list(rules.values())}},
        "automationDetails": {"id": f"{TOOL}/{name}"},
        "results": [{**result, "ruleIndex": places[result["ruleId"]]} for result in results],
    }


def _rule(finding: Finding) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": ["security", finding.severity]}
    if finding.score is not None:
        properties["security-severity"] = f"{finding.score:.1f}"
    return {
        "id": finding.id,
        "shortDescription": {"text": finding.summary or finding.id},
        "helpUri": LINK.format(id=finding.id),
        "properties": properties,
    }


def _result(found: Assessment, finding: Finding, exemption: Exemption | None = None) -> dict[str, Any]:
    fixed = f"fixed in {', '.join(finding.fixed)}" if finding.fixed else "no fix known"
    certainty = " possibly" if finding.certainty == POSSIBLE else ""
    result = {
        "ruleId": finding.id,
        "level": LEVELS.get(found.status_of(finding), "note"),
        "message": {
            "text": f"{finding.package} {finding.version} is{certainty} affected by {', '.join(finding.ids)}; {fixed}"
        },
        **_place(finding.package, finding.version, finding.id),
        "properties": {
            key: vars(finding)[key] for key in ("certainty", "severity", "score", "malware", "kev", "epss", "fixed")
        },
    }
    if exemption is not None:
        reason = f"{exemption.justification}: {exemption.statement} ({exemption.approver})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return result


def _review(doubt: Doubt) -> dict[str, Any]:
    """Return the result for what is undecided: SARIF requires its level to be "none"."""
    rule = doubt.id or UNDECIDED
    return {
        "ruleId": rule,
        "kind": "review",
        "level": "none",
        "message": {"text": f"{doubt.package} {doubt.version or ''}: {doubt.reason}"},
        **_place(doubt.package, doubt.version, rule),
    }


def _place(package: str, version: str | None, rule: str) -> dict[str, Any]:
    """Return where a result is, and what identifies it in the next run."""
    name = purl(package, version) if version else purl(package, "").rstrip("@")
    parts: Iterable[str] = (name, rule)
    return {
        "locations": [{"logicalLocations": [{"name": package, "fullyQualifiedName": name, "kind": "package"}]}],
        "partialFingerprints": {FINGERPRINT: sha256_bytes("\n".join(parts).encode())},
    }
