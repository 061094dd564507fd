"""Findings for other tools: a VEX document in CycloneDX JSON (version 1.6), with package URLs for its components."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from bundle.advisories.exceptions import Removal
from bundle.advisories.matcher import APPLICATION, CPYTHON, POSSIBLE, Finding
from bundle.strict import time_to_json

if TYPE_CHECKING:
    from datetime import datetime

    from bundle.advisories.assess import Assessment
    from bundle.advisories.exceptions import Exemption

NAME = "vex.cdx.json"
SPEC = "1.6"
# OpenVEX's justifications as CycloneDX names them (CycloneDX 1.6, vulnerabilities[].analysis.justification)
JUSTIFICATIONS = {
    "component_not_present": "code_not_present",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_configuration",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}


def purl(package: str, version: str) -> str:
    """Return a distribution's package URL (purl specification, type pypi; ``+`` is percent-encoded)."""
    if package == CPYTHON:
        return f"pkg:github/python/cpython@v{version.replace('+', '%2B')}"
    return f"pkg:pypi/{package}@{version.replace('+', '%2B').replace('!', '%21')}"


def vex(assessment: Assessment, product: str, version: str, now: datetime) -> dict[str, Any]:
    """Return a VEX document for a product; the ``bom-ref`` of a component is its package URL."""
    removed = [(found, removal) for found, removal in assessment.removed if isinstance(found, Finding)]
    findings = [*((finding, None) for finding in assessment.findings), *assessment.excepted, *removed]
    components = sorted({(finding.package, finding.version) for finding, _exemption in findings})
    moment, product_ref = time_to_json(now), f"{product}@{version}"
    seed = "\n".join([product, version, moment, *(f"{one.package} {one.version} {one.id}" for one, _more in findings)])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, seed)}",
        "version": 1,
        "metadata": {
            "timestamp": moment,
            "component": {"type": "application", "name": product, "version": version, "bom-ref": product_ref},
        },
        "components": [
            {"type": "library", "bom-ref": purl(*one), "name": one[0], "version": one[1], "purl": purl(*one)}
            for one in components
        ],
        "vulnerabilities": [_vulnerability(finding, exemption) for finding, exemption in findings],
    }


def _vulnerability(finding: Finding, exemption: Exemption | Removal | None) -> dict[str, Any]:
    rating: dict[str, Any] = {"severity": finding.severity}
    if finding.score is not None:
        rating["score"] = finding.score
    found: dict[str, Any] = {
        "id": finding.id,
        "source": {"name": "OSV", "url": finding.link},
        "references": [{"id": other, "source": {"name": "OSV"}} for other in finding.ids[1:]],
        "ratings": [rating],
        "description": finding.summary,
        "analysis": _analysis(finding, exemption),
        "affects": [{"ref": purl(finding.package, finding.version)}],
    }
    if finding.where != APPLICATION:
        found["properties"] = [{"name": "ragtrace:where", "value": finding.where}]
    if finding.fixed:
        found["recommendation"] = f"{finding.package} {', '.join(finding.fixed)}"
    return found


def _analysis(finding: Finding, exemption: Exemption | Removal | None) -> dict[str, Any]:
    if exemption is None and finding.gone is not None:
        return {"state": "in_triage", "detail": finding.gone.described()}
    if exemption is None:
        return {"state": "in_triage" if finding.certainty == POSSIBLE else "exploitable"}
    if isinstance(exemption, Removal):
        return {"state": "false_positive", "detail": f"{exemption.statement} ({exemption.approver})"}
    return {
        "state": "not_affected",
        "justification": JUSTIFICATIONS[exemption.justification],
        "detail": f"{exemption.justification}: {exemption.statement} ({exemption.approver})",
    }
