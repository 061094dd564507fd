"""Matching packages against advisories, by intervals and listed versions alone.

An undecided match is reported as a separate value, never omitted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from bundle.advisories.severity import RANK
from bundle.advisories.versions import public
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bundle.advisories.index import Advisory, Gone, Index

AFFECTED, POSSIBLE, UNDECIDED, CLEAR = "affected", "possible", "undecided", "clear"
APPLICATION, TOOLS, ZIPAPP, PYTHON = WHERES = ("application", "tools", "installer", "interpreter")
ANY = "*"  # in place of a package that a record does not name legibly
CPYTHON = "psf/cpython"  # in an index; no package of PyPI can have this name
LINK = "https://osv.dev/vulnerability/{id}"


@dataclass(frozen=True, order=True)
class Installed:
    """A distribution: its name as found, and its version, or None if it has no metadata."""

    name: str
    version: str | None


@dataclass(frozen=True)
class Finding:
    """One or more advisories about the same vulnerability that affect a package.

    ``certainty`` is AFFECTED or POSSIBLE. ``ids`` lists the advisories' own IDs, then their aliases; ``fixed`` lists
    the versions above the installed one that fix it, the lowest first. ``gone`` is None unless it is known by an
    earlier snapshot alone: how a later one lessened it. ``where`` is one of WHERES. ``kev`` is the date on which CISA's
    catalogue listed it as exploited, or empty; ``epss`` the probability that it will be exploited within 30 days, if it
    is known.
    """

    package: str
    version: str
    ids: tuple[str, ...]
    certainty: str
    severity: str
    score: float | None
    fixed: tuple[str, ...]
    summary: str
    gone: Gone | None = None
    where: str = APPLICATION
    malware: bool = False
    kev: str = ""
    epss: float | None = None

    @property
    def id(self) -> str:
        return self.ids[0]

    @property
    def link(self) -> str:
        return LINK.format(id=self.id)

    def to_json(self) -> dict[str, Any]:
        gone = self.gone and self.gone.to_json()
        return {**vars(self), "ids": list(self.ids), "fixed": list(self.fixed), "gone": gone, "link": self.link}


@dataclass(frozen=True)
class Doubt:
    """An undecided match: a package, its version if known, the advisory (empty: all of them) and the reason.

    ``gone`` is None unless it is known by an earlier snapshot alone; ``malware`` is true if that advisory is about
    malware.
    """

    package: str
    version: str | None
    id: str
    reason: str
    gone: Gone | None = None
    where: str = APPLICATION
    malware: bool = False

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "gone": self.gone and self.gone.to_json()}


@dataclass(frozen=True)
class Component:
    """What a bundle contains apart from the application: one of WHERES, and its packages.

    ``unjudged`` is the reason why it could not be compared with advisories, or empty.
    """

    where: str
    packages: tuple[Installed, ...]
    unjudged: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"where": self.where, "packages": len(self.packages), "unjudged": self.unjudged}


@dataclass(frozen=True)
class Scan:
    """The result of a scan.

    ``hits`` has (package, public version, advisory) for each definite match; safety must find the same ones.
    ``judged`` has every judgement but CLEAR by package, version as installed, and advisory. These and ``packages`` are
    those of the application; ``components`` is what else was scanned.
    """

    findings: tuple[Finding, ...]
    doubts: tuple[Doubt, ...]
    hits: frozenset[tuple[str, str, str]]
    packages: int
    judged: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    components: tuple[Component, ...] = ()


def judge(advisory: Advisory, text: str) -> str:
    """Return AFFECTED, POSSIBLE, UNDECIDED or CLEAR for a version of the advisory's package.

    1. A version that the advisory lists, or that is in one of its intervals, is affected.
    2. A version for which the advisory contradicts itself is possibly affected.
    3. If the version cannot be compared, or the advisory leaves other versions open, the result is undecided.
    """
    version = public(text)
    if version is None:
        return AFFECTED if text in advisory.versions else UNDECIDED
    if any(interval.holds(version) for interval in advisory.affected):
        return AFFECTED
    if advisory.versions and any(public(listed) == version for listed in advisory.versions):
        return AFFECTED
    if any(interval.holds(version) for interval in advisory.possible):
        return POSSIBLE
    return UNDECIDED if advisory.undecided else CLEAR


def scan(index: Index, installed: Iterable[Installed]) -> Scan:
    """Match installed packages against the advisories of an index."""
    versions: dict[str, set[str | None]] = defaultdict(set)
    for one in installed:
        versions[canonicalize_name(one.name)].add(one.version)
    findings: list[Finding] = []
    doubts: list[Doubt] = []
    hits: set[tuple[str, str, str]] = set()
    verdicts: dict[tuple[str, str, str], str] = {}
    for name in sorted(versions):
        doubts += _doubts_of(name, versions[name])
        advisories = index.of(name)
        for version in sorted(found for found in versions[name] if found is not None):
            judged = [(advisory, judge(advisory, version)) for advisory in advisories]
            findings += _merged(name, version, judged)
            verdicts.update({(name, version, one.id): verdict for one, verdict in judged if verdict != CLEAR})
            doubts += [
                Doubt(name, version, advisory.id, advisory.undecided or incomparable(), malware=advisory.is_malware)
                for advisory, verdict in judged
                if verdict == UNDECIDED
            ]
            comparable = public(version)
            if comparable is not None:
                hits |= {(name, str(comparable), advisory.id) for advisory, found in judged if found == AFFECTED}
    return Scan(_sorted(findings), tuple(doubts), frozenset(hits), len(versions), verdicts)


def scan_carried(index: Index, whole: Scan, carried: Iterable[Component]) -> Scan:
    """Return the scan of an application with what its bundle contains besides, each component matched apart."""
    findings, doubts, components = list(whole.findings), list(whole.doubts), []
    for given in carried:
        one = given
        if one.where == PYTHON and not one.unjudged and CPYTHON not in index.lines:
            one = replace(one, unjudged=_("the snapshot holds no advisories for CPython"))
        components.append(one)
        if one.unjudged:
            continue
        found = scan(index, one.packages)
        findings += [replace(finding, where=one.where) for finding in found.findings]
        # the installer holds extension modules of one package for several Pythons, of more than one version
        known = [doubt for doubt in found.doubts if doubt.id or one.where != ZIPAPP]
        doubts += [replace(doubt, where=one.where) for doubt in known]
    return replace(whole, findings=_sorted(findings), doubts=tuple(doubts), components=tuple(components))


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: (-RANK[one.severity], one.package, one.id, WHERES.index(one.where))))


def part_name(where: str) -> str:
    """Return the name of a part of a bundle."""
    words = {TOOLS: _("tools environment"), ZIPAPP: _("installer"), PYTHON: _("bundled interpreter")}
    return words.get(where, _("application"))


def named(one: Finding | Doubt) -> str:
    """Return the package and version that a finding or a doubt is about, and where it lies."""
    places = {
        TOOLS: _("in the tools environment"),
        ZIPAPP: _("in the installer"),
        PYTHON: _("the bundled interpreter"),
    }
    place = places.get(one.where)
    return " ".join(filter(None, (one.package, one.version, place and f"({place})")))


def incomparable() -> str:
    """Return the reason why a version that is none (PEP 440) is undecided."""
    return _("its version cannot be compared")


def _doubts_of(name: str, versions: set[str | None]) -> list[Doubt]:
    known = sorted(version for version in versions if version is not None)
    doubts = []
    if None in versions:
        doubts.append(Doubt(name, None, "", _("it is installed without metadata")))
    if len(known) > 1:
        reason = _("more than one version is installed: {versions}").format(versions=", ".join(known))
        doubts.append(Doubt(name, None, "", reason))
    doubts += [Doubt(name, version, "", incomparable()) for version in known if public(version) is None]
    return doubts


def _merged(name: str, version: str, judged: Sequence[tuple[Advisory, str]]) -> list[Finding]:
    """Return one finding for each group of advisories that share identifiers, directly or through one another."""
    groups: dict[str, list[tuple[Advisory, str]]] = {}  # by identifier
    for advisory, verdict in judged:
        if verdict not in (AFFECTED, POSSIBLE):
            continue
        known = [groups[one] for one in (advisory.id, *advisory.aliases) if one in groups]
        whole, *others = {id(group): group for group in known}.values() or [[]]
        for group in others:
            whole += group
        whole.append((advisory, verdict))
        for one, _verdict in whole if others else whole[-1:]:
            groups.update(dict.fromkeys((one.id, *one.aliases), whole))
    distinct = {id(group): group for group in groups.values()}
    return [_finding(name, version, group) for group in distinct.values()]


def _finding(name: str, version: str, group: Sequence[tuple[Advisory, str]]) -> Finding:
    advisories = sorted((advisory for advisory, _verdict in group), key=lambda advisory: advisory.id)
    # an advisory without a severity never ranks above one that has one
    worst = max(advisories, key=lambda one: (one.severity != "unknown", RANK[one.severity], one.score or 0.0))
    own = [advisory.id for advisory in advisories]
    others = sorted({alias for advisory in advisories for alias in advisory.aliases} - set(own))
    return Finding(
        package=name,
        version=version,
        ids=(*own, *others),
        certainty=AFFECTED if any(verdict == AFFECTED for _advisory, verdict in group) else POSSIBLE,
        severity=worst.severity,
        score=worst.score,
        fixed=_later({text for advisory in advisories for text in advisory.fixed}, version),
        summary=next((advisory.summary for advisory in advisories if advisory.summary), ""),
        malware=any(advisory.is_malware for advisory in advisories),
    )


def finding_of(package: str, version: str, advisory: Advisory, verdict: str, gone: Gone) -> Finding:
    """Return the finding of an advisory that only an earlier snapshot had as it is."""
    return replace(_finding(package, version, [(advisory, verdict)]), gone=gone)


def _later(fixed: set[str], version: str) -> tuple[str, ...]:
    """Return the fixed versions above an installed one, the lowest first, or all if it cannot be compared."""
    here = public(version)
    versions = (found for found in map(public, fixed) if found is not None)
    return tuple(str(found) for found in sorted(versions) if here is None or found > here)
