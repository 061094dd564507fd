"""Comparing the advisories of a package in two snapshots: which of the earlier ones a later one lessens.

An advisory is covered only if, for every version, severity and exception, the later snapshot judges at least as
strictly as the earlier one. Where that is not certain, it is not covered.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Tuple

from bundle.advisories.index import CHANGED, LOWERED, MISSING, NARROWED
from bundle.advisories.severity import RANK
from bundle.advisories.versions import public

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from packaging.version import Version

    from bundle.advisories.index import Advisory
    from bundle.advisories.versions import Interval

_Cut = Tuple["Version", int]  # right before (0) or right after (1) a version
_Span = Tuple[_Cut, Optional[_Cut]]  # without an upper bound: None


def lessened(earlier: Sequence[Advisory], later: Sequence[Advisory]) -> Iterator[tuple[Advisory, str]]:
    """Yield each earlier advisory of a package that the later ones do not cover, with the reason.

    1. Missing: there is none with its ID.
    2. Narrowed or rated lower: a version would be judged less strictly.
    3. Changed: through new or changed advisories with further identifiers, an exception for another vulnerability could
       cover it, or the score of another one rate it lower.
    """
    if list(earlier) == list(later):
        return
    named = defaultdict(list)
    for advisory in later:
        named[advisory.id].append(advisory)
    groups = _groups(later)
    known = {_judged(advisory) for advisory in earlier}
    for advisory in earlier:
        same = named.get(advisory.id)
        if not same:
            yield advisory, MISSING
        elif not any(set(advisory.fixed) <= set(one.fixed) for one in same):
            yield advisory, CHANGED  # findings that nothing fixes may be ignored
        elif not any(_applies(one, advisory) and _rank(one) >= _rank(advisory) for one in same):
            yield advisory, LOWERED if any(_applies(one, advisory) for one in same) else NARROWED
        elif not _is_apart(advisory, groups[advisory.id], known):
            yield advisory, CHANGED


def covers(later: Advisory, earlier: Advisory) -> bool:
    """Return whether one advisory judges no version less strictly than another with the same ID and identifiers."""
    return (
        later.id == earlier.id
        and set(later.aliases) <= set(earlier.aliases)
        and _rank(later) >= _rank(earlier)
        and set(earlier.fixed) <= set(later.fixed)
        and _applies(later, earlier)
    )


def _rank(advisory: Advisory) -> int:
    """Return the rank of an advisory's severity; malware, which always fails, is above all."""
    return RANK[advisory.severity] + (len(RANK) if advisory.is_malware else 0)


def _is_only_possible(advisory: Advisory) -> bool:
    """Return whether an advisory is reported only where it is uncertain: with its low score, certainty passes."""
    return bool(advisory.possible) and _rank(advisory) < RANK["unknown"]


def _judged(advisory: Advisory) -> tuple[Hashable, Hashable, Hashable]:
    """Return the parts of an advisory that a scan depends on."""
    parts = (advisory.severity, advisory.affected, advisory.possible, advisory.versions, bool(advisory.undecided))
    return advisory.id, frozenset(advisory.aliases), (*parts, advisory.is_malware)


def _is_apart(advisory: Advisory, group: _Group, known: set[tuple[Hashable, Hashable, Hashable]]) -> bool:
    """Return whether no new or changed advisory of its group adds identifiers to an advisory or rates it lower."""
    changed = [one for one in group.advisories if _judged(one) not in known]
    if changed and not group.identifiers <= {advisory.id, *advisory.aliases}:
        return False
    if _is_only_possible(advisory):
        return not changed
    # beside an advisory that has a score, one that has none does not count (matcher)
    return advisory.severity != "unknown" or all(_rank(one) >= _rank(advisory) for one in changed)


@dataclass(frozen=True)
class _Group:
    """Advisories that share identifiers, directly or through one another, and all their identifiers."""

    advisories: list[Advisory]
    identifiers: set[str]


def _groups(advisories: Sequence[Advisory]) -> dict[str, _Group]:
    """Return the group of each identifier."""
    roots: dict[str, str] = {}

    def root(identifier: str) -> str:
        while (above := roots.setdefault(identifier, identifier)) != identifier:
            roots[identifier] = roots[above]  # halves the way
            identifier = above
        return identifier

    for advisory in advisories:
        for alias in advisory.aliases:
            roots[root(alias)] = root(advisory.id)
    groups: dict[str, _Group] = {}
    for advisory in advisories:
        group = groups.setdefault(root(advisory.id), _Group([], set()))
        group.advisories.append(advisory)
        group.identifiers.update((advisory.id, *advisory.aliases))
    return {identifier: groups[root(identifier)] for identifier in tuple(roots)}


def _applies(later: Advisory, earlier: Advisory) -> bool:
    """Return whether no version that the earlier advisory affects, or may affect, is judged less strictly."""
    # what is uncertain is a warning at least; what is certain may pass, by its score or an exception
    if (earlier.undecided or _is_only_possible(earlier)) and _judged(later)[2] != _judged(earlier)[2]:
        return False
    sure = _union(later.affected)
    if not all(_is_inside(interval, sure) for interval in earlier.affected):
        return False
    open_ones = _union((*later.affected, *later.possible))
    if not all(_is_inside(interval, open_ones) for interval in earlier.possible):
        return False
    listed = {public(text) or text for text in later.versions}
    return all(
        found in listed or (not isinstance(found, str) and any(one.holds(found) for one in later.affected))
        for found in (public(text) or text for text in earlier.versions)
    )


def _span(interval: Interval) -> _Span:
    high = None if interval.high is None else (interval.high, int(interval.high_closed))
    return (interval.low, int(not interval.low_closed)), high


def _union(intervals: Iterable[Interval]) -> list[_Span]:
    """Return the same versions as disjoint spans."""
    merged: list[_Span] = []
    for low, high in sorted(map(_span, intervals), key=lambda span: span[0]):
        if merged and (merged[-1][1] is None or low <= merged[-1][1]):
            first, last = merged[-1]
            merged[-1] = first, None if last is None or high is None else max(last, high)
        else:
            merged.append((low, high))
    return merged


def _is_inside(interval: Interval, spans: Iterable[_Span]) -> bool:
    low, high = _span(interval)
    return any(first <= low and (last is None or (high is not None and high <= last)) for first, last in spans)
