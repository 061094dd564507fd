"""Evaluation of a scan: findings that count, excepted findings, undecided packages, and the age of the snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle.advisories.matcher import POSSIBLE
from bundle.advisories.severity import AHEAD, DEFAULT, FAIL, LEVELS, OLD, PASS, STALE, STRICT, TABLES, WARN, worst
from bundle.strict import time_to_json

if TYPE_CHECKING:
    from datetime import datetime

    from bundle.advisories.exceptions import Exceptions, Exemption
    from bundle.advisories.matcher import Component, Doubt, Finding, Scan
    from bundle.advisories.snapshot import Snapshot

GATE = "gate.json"  # the builder's findings when it built the bundle; a file in the bundle
GATE_LIMIT = 64 << 20  # bytes
FRESH, AGED, OUT_OF_DATE, FUTURE = "fresh", "old", "stale", "future"


@dataclass(frozen=True)
class Assessment:
    """A scan evaluated by a severity table.

    ``findings`` count and ``excepted`` ones do not; ``expired`` lists exceptions that are not in force, each with the
    finding that therefore counts. ``age`` is FRESH, AGED, OUT_OF_DATE or FUTURE; ``days`` is the number of days since
    the snapshot's newest record changed. ``packages`` counts those of the application.
    """

    table: str
    findings: tuple[Finding, ...]
    excepted: tuple[tuple[Finding, Exemption], ...]
    expired: tuple[tuple[Finding, Exemption], ...]
    doubts: tuple[Doubt, ...]
    age: str
    days: int
    packages: int
    components: tuple[Component, ...] = ()

    @property
    def status(self) -> str:
        """The worst status among findings, doubts and age."""
        return worst([self.findings_status, WARN if self.doubts else PASS, self.age_status])

    @property
    def findings_status(self) -> str:
        return worst([self.status_of(finding) for finding in self.findings])

    @property
    def age_status(self) -> str:
        if self.age == FRESH:
            return PASS
        return FAIL if self.age == OUT_OF_DATE and self.table == STRICT else WARN

    def status_of(self, finding: Finding) -> str:
        """Return the status of one finding; one that is only possible does not fail by the default table."""
        status = TABLES[self.table][finding.severity]
        if finding.certainty == POSSIBLE:
            return WARN if self.table == DEFAULT or status == PASS else status
        return status

    def to_json(self) -> dict[str, Any]:
        levels = {level: sum(finding.severity == level for finding in self.findings) for level in reversed(LEVELS)}
        return {
            "status": self.status,
            "table": self.table,
            "packages": self.packages,
            "age": self.age,
            "days": self.days,
            "counts": {level: count for level, count in levels.items() if count},
            "findings": [finding.to_json() for finding in self.findings],
            "excepted": [
                {**finding.to_json(), "exception": exemption.to_json()} for finding, exemption in self.excepted
            ],
            "expired": [exemption.to_json() for _finding, exemption in self.expired],
            "undecided": [doubt.to_json() for doubt in self.doubts],
            "components": [component.to_json() for component in self.components],
        }


@dataclass(frozen=True)
class Criteria:
    """What a scan is evaluated by: its snapshot, the exceptions and the severity table."""

    snapshot: Snapshot
    exceptions: Exceptions
    table: str


def assess(scan: Scan, criteria: Criteria, now: datetime) -> Assessment:
    """Evaluate the findings of a scan as of ``now``."""
    findings, excepted, expired = [], [], []
    for finding in scan.findings:
        about = [exemption for exemption in criteria.exceptions.exceptions if exemption.covers(finding)]
        counting = next((exemption for exemption in about if exemption.in_force(now)), None)
        if counting is not None:
            excepted.append((finding, counting))
            continue
        findings.append(finding)
        expired += [(finding, exemption) for exemption in about]
    age, days = age_of(criteria.snapshot, now)
    return Assessment(
        table=criteria.table,
        findings=tuple(findings),
        excepted=tuple(excepted),
        expired=tuple(expired),
        doubts=scan.doubts,
        age=age,
        days=days,
        packages=scan.packages,
        components=scan.components,
    )


def age_of(snapshot: Snapshot, now: datetime) -> tuple[str, int]:
    """Return a snapshot's age class (FRESH, AGED, OUT_OF_DATE or FUTURE) and its age in days."""
    header = snapshot.header
    age = now - header.known_until
    if max(header.known_until, header.made) > now + AHEAD:
        return FUTURE, age.days
    if age > STALE:
        return OUT_OF_DATE, age.days
    return (AGED if age > OLD else FRESH), age.days


def facts_of(snapshot: Snapshot) -> dict[str, Any]:
    """Return the facts that identify a snapshot."""
    header = snapshot.header
    return {
        "sequence": header.sequence,
        "known_until": time_to_json(header.known_until),
        "made": time_to_json(header.made),
        "source": header.source,
        "licence": header.licence,
        "sha256": snapshot.sha256,
        "counts": header.counts,
    }
