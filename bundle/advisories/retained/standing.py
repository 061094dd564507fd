"""Sorting findings into those that count and those that signed exceptions and reasons silence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bundle.advisories.matcher import AFFECTED, POSSIBLE, UNDECIDED, Doubt, finding_of, judge
from bundle.advisories.severity import RANK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from bundle.advisories.exceptions import Exceptions, Exemption, Removal
    from bundle.advisories.matcher import Finding


@dataclass
class Standing:
    """Findings that count, those that exceptions cover, exceptions not in force, doubts, and what reasons silence."""

    doubts: list[Doubt]
    findings: list[Finding] = field(default_factory=list)
    excepted: list[tuple[Finding, Exemption]] = field(default_factory=list)
    expired: list[tuple[Finding, Exemption]] = field(default_factory=list)
    removed: list[tuple[Finding | Doubt, Removal]] = field(default_factory=list)

    def add(self, finding: Finding, exceptions: Exceptions, now: datetime) -> None:
        """Add a finding."""
        about = [exemption for exemption in exceptions.exceptions if exemption.covers(finding)]
        counting = next((exemption for exemption in about if exemption.in_force(now)), None)
        removal = self._removal(finding, exceptions, now)
        if counting is not None:
            self.excepted.append((finding, counting))
        elif removal is not None:
            self.removed.append((finding, removal))
        else:
            self.findings.append(finding)
            self.expired += [(finding, exemption) for exemption in about]

    def add_earlier(self, earlier: Iterable[Finding | Doubt], exceptions: Exceptions, now: datetime) -> None:
        """Add what only earlier snapshots had, unless a finding that counts reports it.

        A finding that is excepted does not report it: an advisory may have got further identifiers, for one of which
        there is an exception.
        """
        for found in sorted(earlier, key=gravest_first):
            if isinstance(found, Doubt):
                self._add_doubt(found, exceptions, now)
            elif not any(_includes(one, found) for one in (*self.findings, *self._excepted_with(found, now))):
                self._add_graver(found, exceptions, now)

    def _add_graver(self, found: Finding, exceptions: Exceptions, now: datetime) -> None:
        """Add a finding in place of those that say less about the same vulnerability."""
        others = [one for one in self.findings if not (set(one.ids) <= set(found.ids) and _includes(found, one))]
        less = [one for one in self.findings if one not in others]
        self.add(found, exceptions, now)
        if found in self.findings:
            self.findings = [one for one in self.findings if one not in less]

    def _add_doubt(self, doubt: Doubt, exceptions: Exceptions, now: datetime) -> None:
        removal = self._removal(doubt, exceptions, now)
        if removal is not None:
            self.removed.append((doubt, removal))
            return
        known = {(one.where, one.package, one.version, one.id, one.malware) for one in self.doubts}
        if (doubt.where, doubt.package, doubt.version, doubt.id, doubt.malware) not in known:
            self.doubts.append(doubt)

    def _removal(self, found: Finding | Doubt, exceptions: Exceptions, now: datetime) -> Removal | None:
        """Return the reason that silences what only an earlier snapshot had, or None."""
        about = (one for one in exceptions.removals if one.covers(found) and one.in_force(now))
        return next((one for one in about if not self._lacks(one, found, now)), None)

    def _lacks(self, removal: Removal, found: Finding | Doubt, now: datetime) -> bool:
        """Return whether what a removal leaves of an advisory concerns this version, and nothing here reports it.

        Another snapshot than the one that the approver has seen may then have taken more.
        """
        if removal.remains is None or found.version is None or found.gone is None:
            return False
        verdict = judge(removal.remains, found.version)
        if verdict == UNDECIDED:
            return (found.package, found.version, found.id) not in {
                (one.package, one.version, one.id) for one in self.doubts
            }
        if verdict not in (AFFECTED, POSSIBLE):
            return False
        left = replace(
            finding_of(found.package, found.version, removal.remains, verdict, found.gone), where=found.where
        )
        return not any(_includes(one, left) for one in (*self.findings, *self._excepted_with(left, now)))

    def _excepted_with(self, found: Finding, now: datetime) -> Iterator[Finding]:
        """Yield the findings that are excepted by an exception that covers another one by itself."""
        for finding, exemption in self.excepted:
            if exemption.covers(found) and exemption.in_force(now):
                yield finding


def gravest_first(found: Finding | Doubt) -> tuple[int, str, str]:
    """Return the key by which findings are sorted: the most severe first, then by package."""
    return (0 if isinstance(found, Doubt) else -RANK[found.severity], found.package, found.id)


def _includes(finding: Finding, other: Finding) -> bool:
    """Return whether a finding reports another one, at least as severe and as certain."""
    return (
        (finding.where, finding.package, finding.version) == (other.where, other.package, other.version)
        and other.id in finding.ids
        and RANK[finding.severity] >= RANK[other.severity]
        and finding.malware >= other.malware
        and bool(finding.fixed) >= bool(other.fixed)  # what nothing fixes may be ignored
        and (finding.certainty == other.certainty or _is_certain(finding))
    )


def _is_certain(finding: Finding) -> bool:
    """Return whether a finding is certain and severe enough that one that is only possible does not say more."""
    return finding.certainty == AFFECTED and RANK[finding.severity] >= RANK["unknown"]
