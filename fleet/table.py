"""One row for each installation, from its latest receipt and its latest report, and how it differs from the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bundle.strict import time_to_json
from fleet.statement import OVERALL, ReceiptFacts, ReportFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from fleet.judging import Refused
    from fleet.statement import Problem, Statement

PROBLEMS_SHOWN = 20  # of one installation
STALE, LATE_CLOCK = "stale", "clock"  # notes of a row; judging.py has CLONED and OLDER
PASSED = "PASS"
# what is compared with the other installations of the product; checks follow as "check:ID"
COMPARED = ("version", "release", "advisories_until", "python", "installer")


@dataclass(frozen=True)
class Difference:
    """A value of an installation that is not that of most installations of its product."""

    field: str
    here: str
    most: str


@dataclass(frozen=True)
class Row:
    """One installation. ``notes`` are kinds of problems with its statements, which make its values doubtful."""

    asset: str
    hostname: str
    machine_id: str | None
    installation: str
    prefix: str
    keyid: str
    sequence: int
    last_seen: datetime
    product: str | None = None
    version: str | None = None
    counter: int | None = None
    release: str | None = None
    installer: str | None = None
    installed: str | None = None
    status: str | None = None
    validated: datetime | None = None
    effort: str | None = None
    not_run: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    left_out: int = 0
    advisories_until: datetime | None = None
    platform: str | None = None
    python: str | None = None
    audit_head: str | None = None
    differs: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def worst(self) -> Problem | None:
        return self.problems[0] if self.problems else None

    def advisories_days(self, now: datetime) -> int | None:
        """Return the age of the host's advisories in days, or None if it has none."""
        return None if self.advisories_until is None else max(0, (now - self.advisories_until).days)

    def value(self, name: str) -> str:
        """Return the value of one of COMPARED as text, "" if it is not known."""
        found = getattr(self, name)
        if found is None:
            return ""
        if name == "release":
            return str(found).rpartition("-r")[0] or str(found)  # a repaired release is the same one
        return f"{found:%Y-%m-%d}" if name == "advisories_until" else str(found)

    def to_json(self, now: datetime) -> dict[str, Any]:
        value = {name: getattr(self, name) for name in vars(self)}
        times = ("last_seen", "validated", "advisories_until")
        value.update({name: time_to_json(value[name]) if value[name] else None for name in times})
        value["counts"] = dict(self.counts)
        value["problems"] = [problem.to_json() for problem in self.problems]
        value["differs"] = [vars(difference) for difference in self.differs]
        value["notes"] = list(self.notes)
        return {**value, "advisories_days": self.advisories_days(now)}


@dataclass(frozen=True)
class Fleet:
    """All installations, the files that do not count, and the enrolled assets without a statement that does.

    ``verified`` is False if no enrolled keys were given, so that statements prove nothing about their origin.
    ``most`` maps each product to the values of most of its installations.
    """

    created: datetime
    verified: bool
    rows: tuple[Row, ...]
    refused: tuple[Refused, ...] = ()
    absent: tuple[str, ...] = ()
    superseded: int = 0
    most: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def statuses(self) -> dict[str, int]:
        """The number of installations with each overall status; "" stands for those without a report."""
        counted = Counter(row.status or "" for row in self.rows)
        return {status: counted[status] for status in (*OVERALL, "") if counted[status] or status}

    @property
    def common(self) -> list[tuple[str, str, int]]:
        """Each check that found problems, with the status and the number of installations; the most frequent first."""
        found = Counter((problem.check_id, problem.status) for row in self.rows for problem in _once(row.problems))
        return sorted(((*key, count) for key, count in found.items()), key=lambda item: (-item[2], item[0], item[1]))


def row_of(statements: Sequence[Statement], notes: Iterable[str] = ()) -> Row:
    """Return the row of an installation from its latest statements, at most one of each kind."""
    latest = max(statements, key=lambda one: one.origin.sequence)
    origin, installed = latest.origin, latest.installed
    row = Row(
        asset=origin.asset,
        hostname=origin.hostname,
        machine_id=origin.machine_id,
        installation=origin.installation,
        prefix=origin.prefix,
        keyid=origin.keyid,
        sequence=origin.sequence,
        last_seen=max(one.origin.issued for one in statements),
        installer=latest.installer_version,
        audit_head=latest.audit_head,
        notes=tuple(sorted(set(notes))),
    )
    if installed is not None:
        row = replace(
            row,
            product=installed.product,
            version=installed.version,
            counter=installed.counter,
            release=installed.release,
        )
    for one in statements:
        row = _with_facts(row, one)
    return row


def _with_facts(row: Row, one: Statement) -> Row:
    facts = one.facts
    if isinstance(facts, ReceiptFacts):
        # the receipt of a release that is no longer the active one says nothing about it
        is_active = one.installed is not None and one.installed.release == row.release
        return replace(row, installed=facts.installed) if is_active else row
    assert isinstance(facts, ReportFacts)
    return replace(
        row,
        status=facts.status,
        validated=facts.timestamp,
        effort=facts.effort,
        not_run=facts.not_run,
        counts=facts.counts,
        problems=facts.problems[:PROBLEMS_SHOWN],
        left_out=facts.left_out + len(facts.problems[PROBLEMS_SHOWN:]),
        advisories_until=facts.advisories_until,
        platform=facts.platform,
        python=facts.python_version,
    )


def compared(rows: Sequence[Row]) -> tuple[tuple[Row, ...], dict[str, dict[str, str]]]:
    """Return the rows with their differences, and the values of most installations of each product.

    A value is that of most if more than half of the installations for which it is known have it. A check's is PASS
    unless more than half have a problem of one status.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.product is not None:
            groups.setdefault(row.product, []).append(row)
    most = {product: _most(group) for product, group in groups.items()}
    return tuple(replace(row, differs=_differences(row, most.get(row.product or "", {}))) for row in rows), most


def _most(group: Sequence[Row]) -> dict[str, str]:
    found = {}
    for name in COMPARED:
        counted = Counter(value for value in (row.value(name) for row in group) if value)
        value, count = counted.most_common(1)[0] if counted else ("", 0)
        if count * 2 > sum(counted.values()):
            found[name] = value
    validated = [row for row in group if row.status is not None]
    problems = Counter((problem.check_id, problem.status) for row in validated for problem in _once(row.problems))
    for (check, status), count in problems.items():
        if count * 2 > len(validated):
            found[f"check:{check}"] = status
    return found


def _differences(row: Row, most: Mapping[str, str]) -> tuple[Difference, ...]:
    values = ((name, row.value(name)) for name in COMPARED)
    found = [Difference(name, here, most[name]) for name, here in values if here and most.get(name, here) != here]
    for problem in _once(row.problems):
        usual = most.get(f"check:{problem.check_id}", PASSED)
        if problem.status != usual:
            found.append(Difference(f"check:{problem.check_id}", problem.status, usual))
    return tuple(found)


def _once(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the first, so the most urgent, problem of each check."""
    found: dict[str, Problem] = {}
    for problem in problems:
        found.setdefault(problem.check_id, problem)
    return tuple(found.values())
