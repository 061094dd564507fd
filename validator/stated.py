"""What a statement says of a report: its status, its numbers and its problems, within the limits of statements."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from bundle import strict
from fleet.statement import DETAILS_LIMIT, PROBLEMS_LIMIT, Problem, ReportFacts
from installer.logs.statements import short
from shared.errors import TrustError
from validator.check import KNOWN_UNTIL

if TYPE_CHECKING:
    from validator.report import Report


def facts_of(report: Report) -> ReportFacts:
    """Return the facts for a statement."""
    counts = Counter(result.status for result in report.results)
    problems = tuple(
        Problem(
            check_id=short(result.id),
            category=short(result.category, 40),
            status=result.status,
            name=short(result.check_name),
            details=short(result.details, DETAILS_LIMIT),
        )
        for result in report.problems[:PROBLEMS_LIMIT]
    )
    return ReportFacts(
        status=report.overall_status,
        timestamp=_moment(report.timestamp) or datetime.now(timezone.utc),
        effort=report.effort,
        not_run=len(report.not_run),
        counts=dict(counts),
        problems=problems,
        left_out=max(0, len(report.problems) - PROBLEMS_LIMIT),
        advisories_until=_advisories_until(report),
        platform=short(str(report.system_info.get("platform", ""))),
        python_version=short(str(report.system_info.get("python_version", ""))),
    )


def _advisories_until(report: Report) -> datetime | None:
    found = (_moment(result.evidence.get(KNOWN_UNTIL)) for result in report.results if KNOWN_UNTIL in result.evidence)
    return next(filter(None, found), None)


def _moment(text: object) -> datetime | None:
    try:
        return strict.time_from_json(text, "timestamp")
    except TrustError:
        return None
