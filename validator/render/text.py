"""Renders a report as text for a terminal of any width."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shared.i18n import _, plural
from shared.terminal.columns import wrap
from validator import check
from validator.check import CATEGORIES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.check import CheckResult
    from validator.report import Report

NARROW = 50  # columns; narrower output is indented less


def render(report: Report, *, width: int = 80, quiet: bool = False) -> str:
    """Return the report in at most ``width`` columns; ``quiet`` omits everything that is fine.

    Commands are not wrapped, so that they can be copied.
    """
    lines = [] if quiet else list(_heading(report, width))
    reported: set[str] = set()
    for category in CATEGORIES:
        results = [result for result in report.results if result.category == category]
        if quiet:
            results = [result for result in results if result in report.problems]
        if results:
            lines += [category_title(category, report.title)]
            lines += [line for result in results for line in _result(result, width, reported)]
    if not quiet:
        lines += [""]
    lines += list(_overall(report, width))
    if not quiet:
        lines += list(_recommendations(report, width))
    return "\n".join(lines)


def category_title(category: str, application: str) -> str:
    """Return the displayed title of a category; the application's category has the application's name."""
    return {
        check.SYSTEM: _("System"),
        check.TOOLS: _("Tools"),
        check.PACKAGES: _("Packages"),
        check.APPLICATION: application,
        check.PERFORMANCE: _("Performance"),
        check.SECURITY: _("Security"),
    }[category]


def shortfall(report: Report) -> str:
    """Return the sentence about checks of a default run that were not run, or an empty string if all were."""
    if not report.not_run:
        return ""
    if report.effort == check.QUICK:
        names = ", ".join(report.not_run.values())
        return _("This was a quick validation, which does not check: {names}.").format(names=names)
    return plural(
        "{count} other check was not run.",
        "{count} other checks were not run.",
        len(report.not_run),
    ).format(count=len(report.not_run))


def steps(report: Report) -> list[tuple[str, str]]:
    """Return pairs of suggestion and command without duplicates, most urgent first."""
    wanted = [(result.suggestion, result.command) for result in report.problems if result.suggestion]
    return list(dict.fromkeys(wanted))


def _heading(report: Report, width: int) -> Iterator[str]:
    if report.prefix is None:
        yield from wrap(_("Nothing is installed; only the host was checked."), width)
    else:
        version = report.version or "?"
        yield from wrap(f"{report.title} {version}, {report.release or '-'}", width)
        yield from wrap(report.prefix, width)
    if report.identity is not None:
        yield from wrap(report.identity.line(), width)
    yield ""


def _result(result: CheckResult, width: int, told: set[str]) -> Iterator[str]:
    """Yield the lines of a result; suggestions already in ``told`` are not repeated."""
    indent = "  " if width >= NARROW else ""
    under = indent + " " * (7 if indent else 1)
    text = f"{result.check_name}: {result.details}" if result.details else result.check_name
    yield from wrap(text, width, f"{indent}{result.status:<5}{'  ' if indent else ' '}", under)
    for value in _metrics(result):
        yield from wrap(value, width, under, under + "  ")
    if result.suggestion and result.status != check.PASS and result.suggestion not in told:
        told.add(result.suggestion)
        yield from wrap(result.suggestion, width, f"{under}> ", f"{under}  ")


def _metrics(result: CheckResult) -> Iterator[str]:
    for name, metric in (result.performance_metric or {}).items():
        yield f"{name}: {metric['value']:g} {metric['unit']}".rstrip()


def _overall(report: Report, width: int) -> Iterator[str]:
    counted = Counter(result.status for result in report.results)
    counts = ", ".join(f"{counted[status]} {status}" for status in STATUSES if counted[status])
    yield from wrap(_("Overall: {status} ({counts})").format(status=report.verdict, counts=counts), width)
    if report.not_run:
        yield from wrap(shortfall(report), width)


def _recommendations(report: Report, width: int) -> Iterator[str]:
    found = steps(report)
    if found:
        yield ""
        yield _("Next steps:")
    for number, (suggestion, command) in enumerate(found, 1):
        first = f"{number}. "
        yield from wrap(suggestion, width, first, " " * len(first))
        if command:
            yield f"{' ' * len(first)}{command}"
