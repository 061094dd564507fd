"""The report of a validation: JSON that is archived and that recovery reads.

The keys ``timestamp system_info validation_results overall_status recommendations`` are fixed; others may be added.
Format 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.strict import Fields, refuse
from installer.logs.host import host_id
from installer.logs.identity import Identity, identity_of
from shared.errors import TrustError
from shared.i18n import _
from validator import host
from validator.check import (
    CATEGORIES,
    EFFORTS,
    ERROR,
    FAIL,
    PACKAGES,
    REMEDIES,
    SECURITY,
    SKIP,
    STATUSES,
    WARN,
    CheckResult,
    Choice,
    plain,
    plain_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from validator.subject import Subject

FORMAT = 1
LIMIT = 16 << 20  # maximum bytes of a report when reading
RESULTS_LIMIT = 10_000
ROOM = LIMIT // 2  # bytes of all results when writing: the report also indents them and repeats their advice
ID_LIMIT = 200  # characters
DEPTH_LIMIT = 6  # nesting depth of values in evidence and system_info
EXCELLENT, GOOD, WARNING, CRITICAL = "EXCELLENT", "GOOD", "WARNING", "CRITICAL"
OVERALL = (EXCELLENT, GOOD, WARNING, CRITICAL)
FILES = "packages.record"  # the check that compares the installed files
DECISIVE = (SECURITY, PACKAGES)  # a problem in these means that the installation differs from what was signed
URGENCY = (FAIL, ERROR, WARN)


@dataclass(frozen=True)
class Report:
    """The results of a validation, and the host and installation that they are about.

    ``product``, ``version``, ``release`` and ``prefix`` are None if nothing is installed. ``host`` is the part of
    ``identity`` that the first reports have, whose ``identity`` is None. ``effort`` and ``not_run`` (identifiers and
    names of checks) define what ``overall_status`` covers; in a report without them, they are None and empty.
    """

    timestamp: str
    system_info: dict[str, Any]
    results: tuple[CheckResult, ...]
    overall_status: str
    recommendations: tuple[str, ...]
    title: str = ""
    product: str | None = None
    version: str | None = None
    release: str | None = None
    prefix: str | None = None
    host: str | None = None
    effort: str | None = None
    not_run: dict[str, str] = field(default_factory=dict)
    identity: Identity | None = None

    def to_json(self) -> dict[str, Any]:
        value = dict(vars(self))
        value["validation_results"] = [result.to_json() for result in value.pop("results")]
        value["recommendations"] = list(self.recommendations)
        value["identity"] = self.identity.to_json() if self.identity else None
        return {"format": FORMAT, **value, **({"partial": True} if self.not_run else {})}

    @property
    def verdict(self) -> str:
        """The overall status, with what it covers if checks of a default run were not run."""
        if not self.not_run:
            return self.overall_status
        run = len({result.id for result in self.results})
        text = _("{status} of {run} of {total} checks").format(
            status=self.overall_status, run=run, total=run + len(self.not_run)
        )
        return f"{text}; {_('files not compared')}" if FILES in self.not_run else text

    @property
    def problems(self) -> tuple[CheckResult, ...]:
        """The results that require action, most urgent first."""
        found = [result for result in self.results if result.status in URGENCY]
        return tuple(sorted(found, key=lambda result: URGENCY.index(result.status)))


def make_report(subject: Subject, results: Sequence[CheckResult], choice: Choice | None = None) -> Report:
    """Create a report from the results, the host, the installation and the chosen checks."""
    product = subject.manifest.product if subject.manifest and subject.prefix else None
    stored = readable(results)
    return Report(
        timestamp=strict.time_to_json(datetime.now(timezone.utc)),
        system_info=plain_value(host.system_info()),
        results=stored,
        overall_status=overall(results),
        recommendations=recommend(stored),
        title=subject.title,
        product=product.name if product else None,
        version=product.version if product else None,
        release=subject.release.id if subject.release else None,
        prefix=str(subject.prefix.root) if subject.prefix else None,
        host=host_id(),
        effort=choice.effort if choice else None,
        not_run={check.id: plain(check().title()) for check in choice.left_out} if choice else {},
        identity=identity_of(subject.prefix),
    )


def readable(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """Return the results, in their order, reduced to the limits of ``parse_report``.

    Metrics and evidence that could not be parsed again are dropped. If the total is still too large, the least urgent
    results lose their evidence or are dropped.
    """
    stored, room = {}, ROOM
    by_urgency = sorted(enumerate(results), key=lambda item: (*URGENCY, item[1].status).index(item[1].status))
    for index, result in by_urgency[:RESULTS_LIMIT]:
        whole = _readable(result)
        for offered in (whole, replace(whole, evidence={"left_out": True})):
            size = len(strict.dumps(offered.to_json()))
            if size <= room:
                stored[index], room = offered, room - size
                break
    return tuple(stored[index] for index in sorted(stored))


def _readable(result: CheckResult) -> CheckResult:
    metrics = {name: metric for name, metric in (result.performance_metric or {}).items() if _reads({name: metric})}
    return replace(
        result,
        id=plain(result.id)[:ID_LIMIT],
        check_name=plain(result.check_name) or plain(result.id) or "?",
        details=plain(result.details),
        suggestion=plain(result.suggestion),
        command=plain(result.command),
        performance_metric=metrics or None,
        evidence={name: value for name, value in result.evidence.items() if _reads({name: value}, _object)},
    )


def _reads(value: Any, read: Callable[[Any, str], Any] | None = None) -> bool:
    try:
        strict.dumps((read or _metrics)(value, ""))
    except (TrustError, ValueError):  # not a number that JSON can represent
        return False
    return True


def overall(results: Iterable[CheckResult]) -> str:
    """Return the overall status of all results; CRITICAL if nothing was inspected."""
    seen = [result for result in results if result.status != SKIP]
    bad = [result for result in seen if result.status in (FAIL, ERROR)]
    if not seen or any(result.category in DECISIVE for result in bad):
        return CRITICAL
    if bad:
        return WARNING
    return GOOD if any(result.status == WARN for result in seen) else EXCELLENT


def recommend(results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Return the recommended actions without duplicates, most urgent first; the command follows the sentence."""
    urgent_first = sorted(
        (result for result in results if result.status in URGENCY and result.suggestion),
        key=lambda result: URGENCY.index(result.status),
    )
    texts = (
        f"{result.suggestion} {result.command}" if result.command else result.suggestion for result in urgent_first
    )
    return tuple(dict.fromkeys(map(plain, texts)))


def to_bytes(report: Report) -> bytes:
    """Serialize the report as the JSON that ``parse_report`` reads."""
    return strict.dumps(report.to_json())


def parse_report(data: bytes, name: str = "report") -> Report:
    """Parse a report from any source; it is a hint, and proves nothing about the host.

    The five fixed keys are required; the others that this tool writes are optional. Raises TrustError with the path of
    the invalid value.
    """
    value = strict.loads(data, name, limit=LIMIT)
    if isinstance(value, dict):
        added = ("title", "product", "version", "release", "prefix", "host", "effort", "identity")
        value = {"format": FORMAT, **dict.fromkeys(added), "not_run": {}, **value}
    fields = Fields(value, name)
    fields.integer("format", least=FORMAT, most=FORMAT)
    fields.left.pop("partial", None)  # follows from not_run
    report = Report(
        timestamp=fields.text("timestamp"),
        system_info=fields.nested("system_info", _object),
        results=fields.items("validation_results", read_result, most=RESULTS_LIMIT),
        overall_status=fields.nested("overall_status", strict.choice, choices=OVERALL),
        recommendations=fields.nested("recommendations", strict.texts, most=RESULTS_LIMIT),
        title=fields.optional_text("title") or "",
        product=fields.optional_text("product"),
        version=fields.optional_text("version"),
        release=fields.optional_text("release"),
        prefix=fields.optional_text("prefix"),
        host=fields.optional_text("host"),
        effort=fields.optional("effort", partial(strict.choice, choices=EFFORTS)),
        not_run=fields.nested("not_run", _names),
        identity=fields.optional("identity", Identity.from_json),
    )
    fields.done()
    if not report.results:
        raise refuse(f"{name}.validation_results", _("empty"))
    return report


def read_result(value: Any, path: str) -> CheckResult:
    """Parse one result; ``path`` is its location in the document. Raises TrustError."""
    if isinstance(value, dict):
        value = {"id": "", "command": "", "seconds": 0, "evidence": {}, "remedy": None, **value}
    fields = Fields(value, path)
    result = CheckResult(
        id=fields.text("id", limit=ID_LIMIT, empty=True),
        category=fields.nested("category", strict.choice, choices=CATEGORIES),
        check_name=fields.text("check_name"),
        status=fields.nested("status", strict.choice, choices=STATUSES),
        details=fields.text("details", empty=True),
        suggestion=fields.text("suggestion", empty=True),
        command=fields.text("command", empty=True),
        performance_metric=fields.optional("performance_metric", _metrics),
        evidence=fields.nested("evidence", _object),
        seconds=fields.nested("seconds", strict.number),
        remedy=fields.optional("remedy", partial(strict.choice, choices=REMEDIES)),
    )
    fields.done()
    return result


def _names(value: Any, path: str) -> dict[str, str]:
    fields = Fields(_object(value, path), path)
    names = {name: fields.text(name) for name in tuple(fields.left)}
    fields.done()
    return names


def _metrics(value: Any, path: str) -> dict[str, dict[str, Any]]:
    def metric(value: Any, path: str) -> dict[str, Any]:
        fields = Fields(value, path)
        read = {"value": fields.nested("value", strict.number), "unit": fields.text("unit", empty=True)}
        read.update({name: fields.nested(name, strict.number) for name in ("last", "threshold") if name in fields.left})
        fields.done()
        return read

    return {name: metric(item, f"{path}.{name[:80]}") for name, item in _object(value, path).items()}


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refuse(path, _("not an object"))
    _bounded(value, path, DEPTH_LIMIT)
    return value


def _bounded(value: Any, path: str, depth: int) -> None:
    """Raise TrustError if a value is nested too deeply or contains a string that could control a terminal."""
    if depth == 0:
        raise refuse(path, _("nested too deeply"))
    if isinstance(value, str):
        strict.text(value, path, empty=True)
    elif isinstance(value, dict):
        for name, item in value.items():
            strict.text(name, path)
            _bounded(item, f"{path}.{name[:80]}", depth - 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _bounded(item, f"{path}[{index}]", depth - 1)
