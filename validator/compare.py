"""Compares two reports: status changes, checks that were added or removed, and metrics that changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from validator.check import ERROR, FAIL, PASS, SKIP, WARN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.logs.identity import Identity
    from validator.check import CheckResult
    from validator.report import Report

WORSE, BETTER, OTHER, NEW, GONE = "worse", "better", "other", "new", "gone"
SEVERITY = {PASS: 0, WARN: 1, ERROR: 2, FAIL: 2}  # SKIP is neither better nor worse
ABOUT = ("module", "command", "model", "filesystem")  # evidence keys for the subject of a result
MOVED = 0.2  # relative change of a metric; two runs on an idle host differ by less


@dataclass(frozen=True)
class Change:
    """A result that differs between the reports; ``before`` or ``after`` is None if that report does not have it."""

    kind: str
    before: CheckResult | None
    after: CheckResult | None

    @property
    def result(self) -> CheckResult:
        """The result to display: the later one if there is one."""
        found = self.after or self.before
        assert found is not None
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "id": self.result.id,
            "check_name": self.result.check_name,
            "before": self.before.to_json() if self.before else None,
            "after": self.after.to_json() if self.after else None,
        }


@dataclass(frozen=True)
class Moved:
    """A metric that changed by more than MOVED."""

    id: str
    check_name: str
    metric: str
    unit: str
    before: float
    after: float


@dataclass(frozen=True)
class Comparison:
    """The differences between two reports; ``facts`` maps each changed property of host or release to both values.

    ``verdicts`` are the overall statuses with what they cover; ``uncovered`` lists the checks that only the earlier
    report covers, because the later validation did not run them.
    """

    overall: tuple[str, str]
    verdicts: tuple[str, str]
    uncovered: tuple[str, ...]
    facts: dict[str, tuple[Any, Any]]
    changes: tuple[Change, ...]
    moved: tuple[Moved, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "overall_status": list(self.overall),
            "not_run": list(self.uncovered),
            "facts": {name: list(pair) for name, pair in self.facts.items()},
            "changes": [change.to_json() for change in self.changes],
            "moved": [dict(vars(item)) for item in self.moved],
        }


def compare(before: Report, after: Report) -> Comparison:
    """Return the differences between two reports, regressions first."""
    old, new = dict(by_subject(before)), dict(by_subject(after))
    uncovered = {result.id for result in before.results} & after.not_run.keys()
    keys = [key for key in {**old, **new} if key[0] not in uncovered]
    changes = [change for key in keys if (change := _change(old.get(key), new.get(key)))]
    changes.sort(key=lambda change: (WORSE, NEW, GONE, OTHER, BETTER).index(change.kind))
    moved = [item for key in old if key in new for item in _moved(old[key], new[key])]
    facts = {
        name: (getattr(before, name), getattr(after, name))
        for name in ("host", "prefix", "product", "version", "release")
        if getattr(before, name) != getattr(after, name)
    }
    facts.update(_renamed(before.identity, after.identity))
    for name in {**before.system_info, **after.system_info}:
        pair = before.system_info.get(name), after.system_info.get(name)
        if pair[0] != pair[1]:
            facts[name] = pair
    return Comparison(
        (before.overall_status, after.overall_status),
        (before.verdict, after.verdict),
        tuple(sorted(uncovered)),
        facts,
        tuple(changes),
        tuple(moved),
    )


def _renamed(before: Identity | None, after: Identity | None) -> dict[str, tuple[Any, Any]]:
    """Return the parts of the identity that differ, if both reports have one."""
    if before is None or after is None:
        return {}
    former, present = before.to_json(), after.to_json()
    return {name: (former[name], present[name]) for name in former if former[name] != present[name]}


def by_subject(report: Report) -> Iterator[tuple[tuple[str, str], CheckResult]]:
    """Yield each result with a unique key: the check and the subject of the result.

    Display names are not used as keys, because they depend on the operator's language.
    """
    counted: Counter[tuple[str, str]] = Counter()
    for result in report.results:
        check = result.id or result.check_name
        about = next((str(result.evidence[name]) for name in ABOUT if name in result.evidence), "")
        number = counted[check, about]
        counted[check, about] += 1
        yield (check, f"{about}#{number}" if number else about), result


def _change(before: CheckResult | None, after: CheckResult | None) -> Change | None:
    if before is None or after is None:
        return Change(GONE if after is None else NEW, before, after)
    if before.status == after.status:
        both_bad = before.status not in (PASS, SKIP)
        return Change(OTHER, before, after) if both_bad and before.details != after.details else None
    if SKIP in (before.status, after.status):
        return Change(OTHER, before, after)
    difference = SEVERITY[after.status] - SEVERITY[before.status]
    kind = OTHER if difference == 0 else WORSE if difference > 0 else BETTER
    return Change(kind, before, after)


def _moved(before: CheckResult, after: CheckResult) -> list[Moved]:
    old, new = before.performance_metric or {}, after.performance_metric or {}
    return [
        Moved(after.id, after.check_name, name, new[name]["unit"], old[name]["value"], new[name]["value"])
        for name in old
        if name in new
        and old[name]["unit"] == new[name]["unit"]
        and abs(new[name]["value"] - old[name]["value"]) > MOVED * abs(old[name]["value"])
    ]
