from __future__ import annotations

import pytest

from shared.terminal.columns import columns, wrap
from validator.check import APPLICATION, FAIL, PACKAGES, PASS, PERFORMANCE, SKIP, SYSTEM, WARN, CheckResult
from validator.render.text import render
from validator.report import Report, overall, recommend

RESULTS = (
    CheckResult("system.python", SYSTEM, "Python", PASS, "3.11.7 in the release"),
    CheckResult("system.memory", SYSTEM, "Memory", WARN, "1.0 GB are free", "End other programs."),
    CheckResult(
        *("packages.record", PACKAGES, "Installed files", FAIL, "missing: venv/lib/python3.11/site-packages/x.py"),
        *("Repair it from the report.", "python3 ragtrace-install.pyz recover diagnosis.json --prefix /opt/app"),
    ),
    CheckResult("ragtrace.cli", APPLICATION, "명령", PASS, "설치된 명령이 모두 정상적으로 작동합니다"),
    CheckResult("performance.matrix", PERFORMANCE, "Matrix multiplication", SKIP, "the bundle has no numpy"),
    CheckResult(
        *("performance.imports", PERFORMANCE, "Import time", PASS, "numpy"),
        performance_metric={"numpy": {"value": 0.1365, "unit": "s"}},
    ),
)


def report(results=RESULTS, prefix: str | None = "/opt/app") -> Report:
    return Report(
        timestamp="2026-01-31T12:00:00Z",
        system_info={},
        results=results,
        overall_status=overall(results),
        recommendations=recommend(results),
        title="Demo-App",
        version="1.0.0",
        release="1-0123456789ab-r1",
        prefix=prefix,
    )


def test_on_80_columns() -> None:
    assert render(report(), width=80).splitlines() == [
        "Demo-App 1.0.0, 1-0123456789ab-r1",
        "/opt/app",
        "",
        "System",
        "  PASS   Python: 3.11.7 in the release",
        "  WARN   Memory: 1.0 GB are free",
        "         > End other programs.",
        "Packages",
        "  FAIL   Installed files: missing: venv/lib/python3.11/site-packages/x.py",
        "         > Repair it from the report.",
        "Demo-App",
        "  PASS   명령: 설치된 명령이 모두 정상적으로 작동합니다",
        "Performance",
        "  SKIP   Matrix multiplication: the bundle has no numpy",
        "  PASS   Import time: numpy",
        "         numpy: 0.1365 s",
        "",
        "Overall: CRITICAL (3 PASS, 1 WARN, 1 FAIL, 1 SKIP)",
        "",
        "Next steps:",
        "1. Repair it from the report.",
        "   python3 ragtrace-install.pyz recover diagnosis.json --prefix /opt/app",
        "2. End other programs.",
    ]


@pytest.mark.parametrize("width", [20, 37, 50, 80, 200])
def test_no_line_but_a_command_is_wider_than_the_terminal(width) -> None:
    shown = render(report(), width=width)
    assert all(columns(line) <= width or "ragtrace-install.pyz" in line for line in shown.splitlines())
    squeezed = "".join(shown.split())
    for result in RESULTS:
        assert "".join(f"{result.check_name}:{result.details}".split()) in squeezed


def test_quiet_shows_problems_and_what_they_come_to() -> None:
    lines = render(report(), quiet=True).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and ">" not in line] == ["WARN", "FAIL"]
    assert lines[-1].startswith("Overall: CRITICAL")
    well = report((RESULTS[0],))
    assert render(well, quiet=True) == "Overall: EXCELLENT (1 PASS)"


def test_a_suggestion_is_given_once() -> None:
    twice = render(report((RESULTS[2], RESULTS[2])))
    assert twice.count("FAIL   ") == 2
    assert twice.count("> Repair it") == 1


def test_says_when_nothing_is_installed() -> None:
    assert render(report(prefix=None)).startswith("Nothing is installed")


def test_wide_characters_take_two_columns() -> None:
    assert columns("가a") == 3
    assert columns("e\N{COMBINING ACUTE ACCENT}") == 1


def test_wrapping_cuts_only_what_is_longer_than_a_line() -> None:
    assert list(wrap("one two three", 12)) == ["one two", "three"]
    assert list(wrap("x" * 25 + " y", 12)) == ["x" * 12, "x" * 12, "x y"]
    assert list(wrap("", 12, "- ")) == ["-"]
