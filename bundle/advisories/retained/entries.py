"""The retained list of a host: advisories of earlier snapshots that a later one no longer has as they were.

``retained.json``, format 1. A host writes it itself; nobody signs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from bundle import strict
from bundle.advisories.index import MISSING, WITHDRAWN, Advisory, Gone
from bundle.advisories.matcher import (
    AFFECTED,
    ANY,
    POSSIBLE,
    UNDECIDED,
    Doubt,
    Finding,
    finding_of,
    incomparable,
    judge,
)
from bundle.advisories.retained.coverage import covers, lessened
from bundle.strict import Document, Value, by
from shared.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bundle.advisories.index import Index
    from bundle.advisories.matcher import Installed
    from bundle.advisories.snapshot import Snapshot

NAME = "retained.json"
LIMIT = 48 << 20  # bytes; all advisories of July 2026 are 7 MB
ENTRIES_LIMIT = 100_000
SUPERSEDED_LIMIT = 1000


@dataclass(frozen=True)
class Entry(Value):
    """An advisory of a package as an earlier snapshot had it, and how a later one lessened it."""

    package: str = field(metadata=by(strict.text))
    advisory: Advisory = field(metadata=by(Advisory.from_json))
    gone: Gone = field(metadata=by(Gone.from_json))


@dataclass(frozen=True)
class Retained(Document):
    """The retained list, sorted by package and ID.

    ``superseded`` lists the SHA-256 of the snapshots that were here when a signed reason accepted one whatever it lacks
    of them: they count no longer.
    """

    superseded: tuple[str, ...] = field(metadata=by(strict.items, of=strict.sha256, most=SUPERSEDED_LIMIT))
    entries: tuple[Entry, ...] = field(metadata=by(strict.items, of=Entry.from_json, most=ENTRIES_LIMIT))

    def judge(self, installed: Iterable[Installed]) -> Iterator[Finding | Doubt]:
        """Yield what each entry says about installed packages; advisories are not merged."""
        versions: dict[str, set[str]] = {}
        for one in installed:
            if one.version is not None:
                versions.setdefault(canonicalize_name(one.name), set()).add(one.version)
        for entry in self.entries:
            malware = entry.advisory.is_malware
            if entry.package == ANY:
                yield Doubt(ANY, None, entry.advisory.id, _why(entry), entry.gone)
            for version in sorted(versions.get(entry.package, ())):
                verdict = judge(entry.advisory, version)
                if verdict == UNDECIDED:
                    yield Doubt(entry.package, version, entry.advisory.id, _why(entry), entry.gone, malware=malware)
                elif verdict in (AFFECTED, POSSIBLE):
                    yield finding_of(entry.package, version, entry.advisory, verdict, entry.gone)


def _why(entry: Entry) -> str:
    return f"{entry.advisory.undecided or incomparable()} ({entry.gone.described()})"


NONE = Retained((), ())


def read_retained(data: bytes) -> Retained:
    """Parse a retained list. Raises TrustError if it is malformed."""
    return Retained.from_bytes(data, NAME, limit=LIMIT)


def merged(lists: Iterable[Retained]) -> Retained:
    """Return several lists as one."""
    found = [one for one in lists if one != NONE]
    if len(found) < 2:
        return found[0] if found else NONE
    superseded = dict.fromkeys(sha256 for one in found for sha256 in one.superseded)
    by_package: dict[str, list[Entry]] = {}
    for entry in (entry for one in found for entry in one.entries):
        by_package.setdefault(entry.package, []).append(entry)
    entries = [entry for name in sorted(by_package) for entry in _distinct(by_package[name])]
    return Retained(tuple(superseded)[-SUPERSEDED_LIMIT:], tuple(entries))


def learnt(retained: Retained, earlier: Snapshot, later: Snapshot, packages: Iterable[str] | None = None) -> Retained:
    """Return a list with what a later snapshot lessens of an earlier one, for all packages or only some.

    Entries that another one covers are left out. Raises TrustError if the later snapshot is malformed.
    """
    found: dict[str, list[Entry]] = {}
    for one in (*retained.entries, *_unattributed(earlier, later)):
        found.setdefault(one.package, []).append(one)
    for name in sorted(earlier.index.lines if packages is None else packages):
        if earlier.index.lines.get(name) == later.index.lines.get(name):
            continue
        new = later.index.of(name)  # a malformed line ends the comparison
        for advisory, reason in lessened(_readable(earlier.index, name), new):
            gone = _gone(advisory, reason, earlier, later)
            found.setdefault(name, []).append(Entry(name, advisory, gone))
    entries = [entry for name in sorted(found) for entry in _distinct(found[name])]
    return replace(retained, entries=tuple(entries))


def _unattributed(earlier: Snapshot, later: Snapshot) -> Iterator[Entry]:
    """Yield an entry for each record that was set aside without a legible package, unless a later snapshot has it so.

    A later one may name a package for it, but nothing shows that it is the right one.
    """
    about_any = [one for one in earlier.header.set_aside if not one.packages]
    if about_any:
        known = {one.id for one in later.header.set_aside if not one.packages}
        for one in about_any:
            if one.id not in known:
                advisory = Advisory(one.id, undecided=one.reason)
                yield Entry(ANY, advisory, _gone(advisory, MISSING, earlier, later))


def _readable(index: Index, name: str) -> tuple[Advisory, ...]:
    try:
        return index.of(name)
    except TrustError:  # nothing can be learnt from it
        return ()


def _gone(advisory: Advisory, reason: str, earlier: Snapshot, later: Snapshot) -> Gone:
    if reason == MISSING and advisory.id in later.withdrawn:
        reason = WITHDRAWN
    return Gone(reason, earlier.header.sequence, later.header.sequence)


def _distinct(entries: list[Entry]) -> list[Entry]:
    """Return entries of a package without those that another one covers, sorted; the later of two equal ones stays."""
    left: list[Entry] = []
    by_id: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: (one.advisory.id, -one.gone.last)):
        same = by_id.setdefault(entry.advisory.id, [])
        if not any(covers(other.advisory, entry.advisory) for other in same):
            same.append(entry)
            left.append(entry)
    return left
