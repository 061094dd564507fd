"""Evaluation of a scan: findings that count, excepted findings, undecided packages, and the age of the snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bundle.advisories import futile
from bundle.advisories.matcher import ANY, POSSIBLE, WHERES, Doubt
from bundle.advisories.retained.standing import Standing
from bundle.advisories.severity import (
    AHEAD,
    DEFAULT,
    FAIL,
    LEVELS,
    OLD,
    PASS,
    RANK,
    STALE,
    STRICT,
    TABLES,
    WARN,
    worst,
)
from bundle.strict import time_to_json
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from bundle.advisories.exceptions import Exceptions, Exemption, Removal
    from bundle.advisories.matcher import Component, Finding, Scan
    from bundle.advisories.signals.exploits import Exploits
    from bundle.advisories.snapshot import Header, Snapshot

GATE = "gate.json"  # the builder's findings when it built the bundle; a file in the bundle
GATE_LIMIT = 64 << 20  # bytes
FRESH, AGED, OUT_OF_DATE, FUTURE = "fresh", "old", "stale", "future"


@dataclass(frozen=True)
class Assessment:
    """A scan evaluated by a severity table.

    ``findings`` count and ``excepted`` ones do not, the most urgent first; ``expired`` lists exceptions that are not in
    force, each with the finding that therefore counts. ``unused`` lists exceptions that cover no finding, ``futile``
    those that cannot do what they should, each with the reason; ``removed`` what only earlier snapshots had and a
    signed reason silences. ``age`` is FRESH, AGED, OUT_OF_DATE or FUTURE; ``days`` is the number of days since the
    snapshot's newest record changed. ``packages`` counts those of the application. With ``until_fixed``, findings
    without a fixed version are at most a WARN.
    """

    table: str
    findings: tuple[Finding, ...]
    excepted: tuple[tuple[Finding, Exemption], ...]
    expired: tuple[tuple[Finding, Exemption], ...]
    doubts: tuple[Doubt, ...]
    age: str
    days: int
    packages: int
    removed: tuple[tuple[Finding | Doubt, Removal], ...] = ()
    components: tuple[Component, ...] = ()
    unused: tuple[Exemption, ...] = ()
    futile: tuple[tuple[Exemption, str], ...] = ()
    until_fixed: bool = False

    @property
    def status(self) -> str:
        """The worst status among findings, doubts and age."""
        return worst([self.findings_status, self.doubts_status, self.age_status])

    @property
    def findings_status(self) -> str:
        return worst([self.status_of(finding) for finding in self.findings])

    @property
    def doubts_status(self) -> str:
        """FAIL if what is undecided is malware: a package that may be malicious must not pass."""
        return FAIL if any(doubt.malware for doubt in self.doubts) else WARN if self.doubts else PASS

    @property
    def unscored(self) -> int:
        """The number of findings that have no score; malware is critical without one."""
        return sum(finding.score is None and not finding.malware for finding in self.findings)

    @property
    def unfixed(self) -> tuple[Finding, ...]:
        """The findings that do not stop anything until a fixed version is known; malware always does."""
        return tuple(one for one in self.findings if self.until_fixed and not one.fixed and not one.malware)

    @property
    def age_status(self) -> str:
        if self.age == FRESH:
            return PASS
        return FAIL if self.age == OUT_OF_DATE and self.table == STRICT else WARN

    def status_of(self, finding: Finding) -> str:
        """Return the status of one finding; one that is only possible does not fail by the default table.

        Malware fails by every table, possible or not; what only an earlier snapshot had never passes.
        """
        if finding.malware:
            return FAIL
        status = TABLES[self.table][finding.severity]
        if self.until_fixed and not finding.fixed and status == FAIL:
            return WARN
        if finding.certainty == POSSIBLE:
            return WARN if self.table == DEFAULT or status == PASS else status
        return status if finding.gone is None else worst([status, WARN])

    def to_json(self) -> dict[str, Any]:
        levels = {level: sum(finding.severity == level for finding in self.findings) for level in reversed(LEVELS)}
        return {
            "status": self.status,
            "table": self.table,
            "packages": self.packages,
            "age": self.age,
            "days": self.days,
            "counts": {level: count for level, count in levels.items() if count},
            "unscored": self.unscored,
            "unfixed_ignored": [f"{one.id} {one.package} {one.version}" for one in self.unfixed],
            "findings": [finding.to_json() for finding in self.findings],
            "excepted": [
                {**finding.to_json(), "exception": exemption.to_json()} for finding, exemption in self.excepted
            ],
            "expired": [exemption.to_json() for _finding, exemption in self.expired],
            "unused": [exemption.to_json() for exemption in self.unused],
            "futile": [{**exemption.to_json(), "reason": reason} for exemption, reason in self.futile],
            "removed": [{**found.to_json(), "removal": removal.to_json()} for found, removal in self.removed],
            "undecided": [doubt.to_json() for doubt in self.doubts],
            "components": [component.to_json() for component in self.components],
        }


@dataclass(frozen=True)
class Criteria:
    """What a scan is evaluated by: its snapshot, the exceptions and the severity table.

    ``earlier`` is what only earlier snapshots had about the scanned packages; its advisories are not merged.
    ``until_fixed`` lets findings without a fixed version not fail.
    """

    snapshot: Snapshot
    exceptions: Exceptions
    table: str
    earlier: tuple[Finding | Doubt, ...] = ()
    until_fixed: bool = False


def assess(scan: Scan, criteria: Criteria, now: datetime) -> Assessment:
    """Evaluate the findings of a scan as of ``now``. Raises TrustError if the snapshot's catalogues are invalid."""
    exploits, exceptions = criteria.snapshot.exploits, criteria.exceptions.exceptions
    found = ordered(scan.findings, exploits)
    earlier = [one if isinstance(one, Doubt) else _informed(one, exploits) for one in criteria.earlier]
    standing = Standing(doubts=list(scan.doubts))
    for finding in found:
        standing.add(finding, criteria.exceptions, now)
    standing.add_earlier(earlier, criteria.exceptions, now)
    every = [*found, *(one for one in earlier if not isinstance(one, Doubt))]
    age, days = age_of(criteria.snapshot, now)
    return Assessment(
        table=criteria.table,
        findings=tuple(sorted(standing.findings, key=_urgency)),
        excepted=tuple(standing.excepted),
        expired=tuple(standing.expired),
        doubts=(*standing.doubts, *_unattributed(criteria.snapshot)),
        age=age,
        days=days,
        packages=scan.packages,
        removed=tuple(standing.removed),
        components=scan.components,
        unused=tuple(one for one in exceptions if not any(map(one.covers, every))),
        futile=tuple(futile.futile(exceptions, criteria.snapshot)),
        until_fixed=criteria.until_fixed,
    )


def ordered(findings: Iterable[Finding], exploits: Exploits) -> list[Finding]:
    """Return findings with what is known of their exploitation, the most urgent first.

    Malware is first, then what CISA lists as exploited, then by severity, and within one severity by EPSS.
    """
    return sorted((_informed(one, exploits) for one in findings), key=_urgency)


def _informed(one: Finding, exploits: Exploits) -> Finding:
    return replace(one, kev=exploits.listed(one.ids), epss=exploits.probability(one.ids))


def _urgency(one: Finding) -> tuple[Any, ...]:
    place = (one.package, one.id, WHERES.index(one.where))
    return (not one.malware, not one.kev, -RANK[one.severity], -(one.epss or 0.0), *place)


def _unattributed(snapshot: Snapshot) -> Iterator[Doubt]:
    """Yield a doubt for each record that was set aside without a legible package: it may concern any."""
    for one in snapshot.header.set_aside:
        if not one.packages:
            yield Doubt(ANY, None, one.id, one.reason)


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
        **snapshot.exploits.facts(),
        "set_aside": [one.to_json() for one in header.set_aside],
    }


def set_aside_lines(header: Header) -> Iterator[str]:
    """Yield a human-readable line for each record that was set aside."""
    for one in header.set_aside:
        packages = ", ".join(one.packages) or _("all packages")
        yield "  " + _("set aside {id}: {reason}; undecided: {packages}").format(
            id=one.id, reason=one.reason, packages=packages
        )
