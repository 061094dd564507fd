"""Renders a report as Prometheus metrics for monitoring and alerting.

No translated text is used as a label, so that series keep their names if the language changes.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from shared.terminal import exposition
from shared.terminal.exposition import BASE_UNITS, Family
from validator.check import STATUSES
from validator.compare import by_subject
from validator.report import OVERALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.check import CheckResult
    from validator.report import Report

Labels = dict[str, str]
MEASURED = "ragtrace_check_measured"
OTHER_UNIT = ""


def render(report: Report) -> str:
    """Return the metrics without a trailing newline, like the other formats."""
    return exposition.render(families(report)).rstrip("\n")


def families(report: Report) -> Iterator[Family]:
    """Yield every metric of a report; the label ``prefix`` distinguishes several installations on one host."""
    about = {"product": report.product or "", "prefix": report.prefix or ""}
    keyed = [({**about, **_labels(*key), "category": result.category}, result) for key, result in by_subject(report)]
    counted = Counter(result.status for result in report.results)
    yield Family(
        "ragtrace_validation_timestamp_seconds",
        "When the host was last validated, in seconds since 1970.",
        ((about, datetime.fromisoformat(report.timestamp.replace("Z", "+00:00")).timestamp()),),
    )
    yield Family(
        "ragtrace_release_info",
        "Always 1; the labels name what is installed, and are empty if nothing is.",
        (({**about, **_release(report)}, 1),),
    )
    yield Family(
        "ragtrace_validation_status",
        "1 for the overall status of the last validation, 0 for the others.",
        tuple(({**about, "status": status}, report.overall_status == status) for status in OVERALL),
    )
    yield Family(
        "ragtrace_validation_checks_not_run",
        "Checks of a default validation that the last one did not run; its status does not cover them.",
        ((about, len(report.not_run)),),
    )
    yield Family(
        "ragtrace_validation_results",
        "Number of results of the last validation with each status.",
        tuple(({**about, "status": status}, counted[status]) for status in STATUSES),
    )
    yield Family(
        "ragtrace_check_status",
        "1 for the status of a result, 0 for the others; the label about tells results of one check apart.",
        tuple(
            ({**labels, "status": status}, result.status == status) for labels, result in keyed for status in STATUSES
        ),
    )
    yield Family(
        "ragtrace_check_duration_seconds",
        "Duration of a check.",
        tuple((labels, result.seconds) for labels, result in keyed),
    )
    yield from _measured(keyed)


def _labels(check: str, subject: str) -> Labels:
    return {"check": check, "about": subject}


def _release(report: Report) -> Labels:
    return {
        "version": report.version or "",
        "release": report.release or "",
        "host": report.host or "",
        **{name: value or "" for name, value in (report.identity.to_json() if report.identity else {}).items()},
        "python": str(report.system_info.get("python_version", "")),
        "installer": str(report.system_info.get("installer_version", "")),
    }


def _measured(keyed: list[tuple[Labels, CheckResult]]) -> Iterator[Family]:
    """Yield one metric for each base unit; values without a base unit keep their unit as a label."""
    found: dict[str, list[tuple[Labels, float]]] = {}
    for labels, result in keyed:
        for name, metric in (result.performance_metric or {}).items():
            unit, factor = BASE_UNITS.get(metric["unit"], (OTHER_UNIT, 1.0))
            known = {} if unit else {"unit": metric["unit"]}
            value = float(f"{metric['value'] * factor:.12g}")  # so that 0.1 ms is 0.0001 s
            found.setdefault(unit, []).append(({**labels, "metric": name, **known}, value))
    for unit, samples in sorted(found.items()):
        what = f"in {unit.replace('_', ' ')}" if unit else "in the unit that the label names"
        yield Family(f"{MEASURED}_{unit}" if unit else MEASURED, f"Value measured by a check, {what}.", tuple(samples))
