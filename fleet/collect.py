"""The story of ``fleet report``: judge each statement, hold the latest of each installation, name clones and old ones.

Only those are held, and equal problems of many hosts once, so that memory is bounded by the number of installations.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from fleet import memory as memories
from fleet.enrolled import principal
from fleet.folder import statements
from fleet.judging import CLONED, OLDER, Refused, Seen, Wanted, judge
from fleet.memory import Last, Memory, name_of
from fleet.statement import Problem, ReportFacts, Statement
from fleet.table import LATE_CLOCK, PROBLEMS_SHOWN, STALE, Fleet, Row, compared, row_of
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fleet.enrolled import Enrolled

CLOCK_AHEAD = timedelta(days=1)  # as for the date of a release


@dataclass(frozen=True)
class Request:
    """Whose statements count, what they must have, what was seen before, and the age in days from which one is stale.

    ``enrolled`` None: any key may sign, and nothing is proven.
    """

    enrolled: Enrolled | None
    wanted: Wanted = field(default_factory=Wanted)
    memory: Memory = field(default_factory=Memory)
    max_age: int | None = None


@dataclass
class _Installation:
    """The latest statement of each kind of one installation on one machine."""

    latest: dict[str, Seen] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)


class _Collected:
    """What has been seen so far; of each installation the latest statements alone are held."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.refused: list[Refused] = []
        self.superseded = 0
        self.last: dict[str, Last] = {}
        self.found: dict[tuple[object, ...], _Installation] = defaultdict(_Installation)
        self.machines: dict[str, set[object]] = defaultdict(set)  # of each key
        self.prefixes: dict[tuple[str, str], set[str]] = defaultdict(set)  # of each key and installation
        self.digests: dict[tuple[str, str, int], str] = {}  # of each key, installation and sequence number
        self.forked: set[str] = set()  # keys
        self.problems: dict[Problem, Problem] = {}  # equal ones of many hosts are held once

    def add(self, seen: Seen) -> None:
        origin, kind = seen.statement.origin, seen.statement.kind
        self.machines[origin.keyid] |= {origin.machine, *((name,) for name in seen.assets[1:])}
        self.prefixes[origin.keyid, origin.installation].add(origin.prefix)
        mark = origin.keyid, origin.installation, origin.sequence
        if self.digests.setdefault(mark, seen.sha256) != seen.sha256:
            self.forked.add(origin.keyid)
        name = name_of(origin.keyid, origin.installation, kind)
        if name not in self.last or origin.sequence > self.last[name].sequence:
            self.last[name] = Last(origin.sequence, seen.sha256, origin.place)
        installation = self.found[origin.keyid, origin.installation, origin.machine, origin.prefix]
        before = installation.latest.get(kind)
        self.superseded += before is not None
        if before is None or origin.sequence > before.statement.origin.sequence:
            installation.latest[kind] = replace(seen, statement=self._shared(seen.statement))

    def _shared(self, statement: Statement) -> Statement:
        facts = statement.facts
        if not isinstance(facts, ReportFacts):
            return statement
        shown, rest = facts.problems[:PROBLEMS_SHOWN], facts.problems[PROBLEMS_SHOWN:]
        problems = tuple(self.problems.setdefault(problem, problem) for problem in shown)
        return replace(statement, facts=replace(facts, problems=problems, left_out=facts.left_out + len(rest)))

    def clones(self) -> set[str]:
        """Return the keys that stand for two assets, hosts or folders, or signed two statements with one number."""
        machines = {keyid for keyid, several in self.machines.items() if len(several) > 1}
        return self.forked | machines | {keyid for (keyid, _id), several in self.prefixes.items() if len(several) > 1}


def collect(folder: Path, request: Request) -> tuple[Fleet, dict[str, Last]]:
    """Return the fleet that the statements in a folder tell of, and the sequence numbers to remember.

    Raises UsageError if the folder cannot be read.
    """
    # 1. Each statement for itself.
    collected = _Collected(request)
    for found in statements(folder):
        judged = judge(found, request.enrolled, request.wanted)
        if isinstance(judged, Refused):
            collected.refused.append(judged)
        else:
            collected.add(judged)
    # 2. Keys that are used twice, and installations whose statements are older than one that was seen before.
    clones = collected.clones()
    for installation in collected.found.values():
        for seen in installation.latest.values():
            installation.notes |= _notes(seen, clones, request)
            collected.refused += _doubts(seen, clones, request)
    # 3. The rows, and what differs from the others of the product.
    rows, most = compared(_rows(collected.found.values()))
    known = {principal(row.asset) for row in rows}
    absent = sorted(request.enrolled.principals - known) if request.enrolled else []
    fleet = Fleet(
        created=request.wanted.now,
        verified=request.enrolled is not None,
        rows=rows,
        refused=tuple(sorted(collected.refused, key=lambda one: (one.kind, one.file))),
        absent=tuple(absent),
        superseded=collected.superseded,
        most=most,
    )
    return fleet, collected.last


def _rows(found: Iterable[_Installation]) -> list[Row]:
    rows = (row_of([seen.statement for seen in one.latest.values()], one.notes) for one in found)
    return sorted(rows, key=lambda row: (row.asset, row.prefix, row.hostname, row.installation))


def _notes(seen: Seen, clones: set[str], request: Request) -> set[str]:
    issued, now = seen.statement.origin.issued, request.wanted.now
    notes = {one.kind for one in _doubts(seen, clones, request)}
    if issued - now > CLOCK_AHEAD:
        notes.add(LATE_CLOCK)
    if request.max_age is not None and now - issued > timedelta(days=request.max_age):
        notes.add(STALE)
    return notes


def _doubts(seen: Seen, clones: set[str], request: Request) -> list[Refused]:
    """Return why the latest statement of an installation is doubtful although its signature holds."""
    origin = seen.statement.origin
    found = []
    last = request.memory.last.get(name_of(origin.keyid, origin.installation, seen.statement.kind))
    is_same_number = last is not None and last.sequence == origin.sequence and last.sha256 != seen.sha256
    is_elsewhere = last is not None and last.place != origin.place
    if origin.keyid in clones or is_same_number or is_elsewhere:
        reason = _("the key {keyid} is used for several assets, hosts or folders (a cloned image or a renamed host)")
        found.append(Refused(seen.file, CLONED, reason.format(keyid=origin.keyid), origin.asset, origin.hostname))
    if last is not None and origin.sequence < last.sequence:
        reason = _("its sequence number is {sequence}, but {last} was seen before")
        text = reason.format(sequence=origin.sequence, last=last.sequence)
        found.append(Refused(seen.file, OLDER, text, origin.asset, origin.hostname))
    return found


def remember(path: Path, last: dict[str, Last]) -> None:
    """Record the sequence numbers of a run in the centre's file."""
    memories.remember(path, last)
