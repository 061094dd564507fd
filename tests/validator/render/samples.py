"""Reports that have everything that a page can show, in the operator's language, for tests in a browser."""

from __future__ import annotations

from dataclasses import replace

from installer.logs.identity import Identity
from tests.validator.render.test_text import RESULTS, report
from validator import registry
from validator.check import FAIL, PASS, PERFORMANCE, SECURITY, SKIP, SYSTEM, WARN, CheckResult
from validator.report import Report, overall

FINDING = {
    "package": "some-library",
    "version": "1.5",
    "ids": ["PYSEC-2026-1", "CVE-2026-0001", "GHSA-aaaa-bbbb-cccc"],
    "certainty": "affected",
    "severity": "high",
    "fixed": ["2.0"],
    "malware": False,
    "kev": "2026-05-01",
    "epss": 0.912,
}
COMMAND = (
    "python3 ragtrace-install.pyz recover diagnosis.json --prefix /opt/demo-application --bundle /media/usb/bundle"
)


def large() -> Report:
    """Return a report with every check that exists, most of which passed."""
    results = [
        CheckResult(
            check.id, check.category, str(check().title()), PASS, "3.11.7, /opt/app/venv/bin/python", seconds=0.2
        )
        for check in registry.CHECKS
    ]
    results += [
        *(RESULTS[1], replace(RESULTS[2], command=COMMAND), RESULTS[4]),
        CheckResult("system.x", SYSTEM, "Locale", SKIP, "not Linux"),
        CheckResult("system.y", SYSTEM, "Clock", "ERROR", "timed out", "Increase --timeout."),
        _known(),
        _measured("performance.imports", numpy=(0.1365, "s", 30), pandas=(1.9, "s", 30), torch=(14.2, "s", 30)),
        _measured("performance.disk", write=(55.0, "MB/s", 20), read=(410.0, "MB/s", 20), fsync=(250.0, "ms", 200)),
        replace(_measured("performance.matrix", matrix_gflops=(1.2, "GFLOPS", 2)), status=WARN),
    ]
    return replace(
        report(tuple(results)),
        system_info={"platform": "Linux-6.1.0-amd64", "python_version": "3.11.7", "cpu_count": 8, "memory_gb": 15.6},
        identity=Identity("plc-1.plant.example", "0123456789abcdef", "fedcba9876543210", "HMI-7"),
        host="0123456789abcdef",
        effort="normal",
        not_run={"packages.full": "Signed wheels", "security.copies": "Copies of signed metadata"},
    )


def compared() -> tuple[Report, Report]:
    """Return two reports that differ in every way; the later one is partial."""
    later = large()
    before = [
        replace(result, status={FAIL: PASS, WARN: FAIL, SKIP: WARN}.get(result.status, result.status))
        for result in later.results[2:]
    ]
    slow = {
        name: {**metric, "value": metric["value"] * 2} for name, metric in (before[-3].performance_metric or {}).items()
    }
    before[-3] = replace(before[-3], performance_metric=slow)
    before.append(CheckResult("security.copies", SECURITY, "Copies", PASS, "the same"))
    earlier = replace(
        later,
        results=tuple(before),
        overall_status=overall(before),
        release="0-0123456789ab-r1",
        version="0.9.0",
        not_run={"system.python": "Python"},
        timestamp="2026-01-30T12:00:00Z",
    )
    return earlier, later


def _known() -> CheckResult:
    findings = [
        {**FINDING, "severity": "critical"},
        FINDING,
        {**FINDING, "severity": "low", "fixed": [], "malware": True},
    ]
    return CheckResult(
        *("security.advisories", SECURITY, "Advisories", FAIL, "3 known vulnerabilities"),
        suggestion="Rebuild the bundle with a fixed version.",
        evidence={"findings": findings},
    )


def _measured(identifier: str, **metrics: tuple[float, str, float]) -> CheckResult:
    values = {
        name: {"value": value, "unit": unit, "threshold": limit, "last": value * 0.9}
        for name, (value, unit, limit) in metrics.items()
    }
    return CheckResult(identifier, PERFORMANCE, identifier, PASS, "seen", performance_metric=values)
