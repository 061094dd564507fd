"""Compares measurements with thresholds and with the previous run.

The last value of each metric is stored in PREFIX/state/measurements.json for the user to compare; it does not affect
any status.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.embedding import is_number
from shared import reading
from shared.errors import RagtraceError
from shared.files import files
from shared.i18n import _
from validator.check import CheckResult, some_of

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix
    from validator.check import Check
    from validator.subject import Subject

LOG = logging.getLogger("ragtrace")
NAME = "measurements.json"
LIMIT = 1 << 20  # maximum bytes of the file


@dataclass(frozen=True)
class Bound:
    """A threshold: the lowest or highest acceptable value of a metric."""

    value: float
    at_least: bool

    def holds(self, found: float) -> bool:
        return found >= self.value if self.at_least else found <= self.value


# Far below the values of a usable host: a metric that misses one explains why the application is slow.
# A profile can override them in [thresholds].
DEFAULTS = {
    "import_seconds": Bound(30, at_least=False),  # RAGTrace's slowest module takes 15 without bytecode
    "start_seconds": Bound(30, at_least=False),
    "matrix_gflops": Bound(2, at_least=True),  # one core with only SSE2 reaches about 5
    "memory_gb_per_second": Bound(1, at_least=True),
    "disk_write_mb_per_second": Bound(20, at_least=True),
    "disk_read_mb_per_second": Bound(20, at_least=True),
    "fsync_milliseconds": Bound(200, at_least=False),
    "model_seconds": Bound(120, at_least=False),
    "embeddings_per_second": Bound(0.2, at_least=True),
    "model_memory_gb": Bound(math.inf, at_least=False),  # system.memory compares it with the host's memory
}


@dataclass(frozen=True)
class Measured:
    """The metrics of a check: the value and unit of each, and for those with a threshold its name in DEFAULTS."""

    metric: dict[str, tuple[float, str]]
    bounds: dict[str, str]


def judged(check: Check, subject: Subject, details: str, measured: Measured, **more: Any) -> CheckResult:
    """Return the result of a measurement, WARN if a metric misses its threshold, with the values of the previous run.

    Stores the values for the next run.
    """
    metric = measured.metric
    last = read_last(subject.prefix).get(check.id, {})
    keep(subject.prefix, check.id, {name: value for name, (value, _unit) in metric.items()})
    limits = {name: bound_of(subject, bound) for name, bound in measured.bounds.items()}
    missed = [
        shortfall(name, *metric[name], limit) for name, limit in limits.items() if not limit.holds(metric[name][0])
    ]
    before = [f"{name} {last[name]:g} {metric[name][1]}".rstrip() for name in metric if name in limits and name in last]
    if before:
        details = _("{details}; in the previous run {before}").format(details=details, before=some_of(before))
    if missed:
        advice = _("Check what else is running on this host, and whether its processor, memory or disk is shared.")
        result = check.warned(f"{some_of(missed)}; {details}", suggestion=advice, metric=metric, **more)
    else:
        result = check.passed(details, metric=metric, **more)
    return replace(result, performance_metric=annotated(result.performance_metric or {}, limits, last))


def bound_of(subject: Subject, name: str) -> Bound:
    """Return the profile's threshold, or the default."""
    own = subject.manifest.application.thresholds.get(name) if subject.manifest else None
    return DEFAULTS[name] if own is None else replace(DEFAULTS[name], value=own)


def shortfall(name: str, value: float, unit: str, limit: Bound) -> str:
    """Return the message about a metric that misses its threshold."""
    words = (
        _("{name} {value:g} {unit}, at least {limit:g} is required")
        if limit.at_least
        else _("{name} {value:g} {unit}, at most {limit:g} is allowed")
    )
    return words.format(name=name, value=value, unit=unit, limit=limit.value)


def annotated(
    metrics: dict[str, dict[str, Any]], limits: dict[str, Bound], last: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """Return the metrics with the previous value and the finite threshold added, if they have one."""
    return {
        name: {
            **metric,
            **({"last": last[name]} if name in last else {}),
            **({"threshold": limits[name].value} if name in limits and math.isfinite(limits[name].value) else {}),
        }
        for name, metric in metrics.items()
    }


def read_last(prefix: Prefix | None) -> dict[str, dict[str, float]]:
    """Return the values of the previous run by check and metric, empty if they cannot be read."""
    if prefix is None:
        return {}
    path = prefix.state / NAME
    try:
        value = strict.loads(reading.read(path, LIMIT), NAME, limit=LIMIT)
    except (OSError, RagtraceError) as error:
        LOG.info("%s: %s", path, error)
        return {}
    if not isinstance(value, dict):
        return {}
    return {
        check: {name: float(number) for name, number in metrics.items() if is_number(number)}
        for check, metrics in value.items()
        if isinstance(metrics, dict)
    }


def keep(prefix: Prefix | None, check: str, values: dict[str, float]) -> None:
    """Store the values of a check; if that fails, it is only logged."""
    if prefix is None:
        return
    last = read_last(prefix)
    reported = {name: value for name, value in values.items() if is_number(value)}
    known = {**last, check: {**last.get(check, {}), **reported}}
    try:
        files.write_atomic(prefix.state / NAME, strict.dumps(known), mode=0o600)
    except OSError as error:
        LOG.info("%s: %s", prefix.state / NAME, error)
