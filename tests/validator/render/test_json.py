from __future__ import annotations

from validator.check import PASS, SYSTEM, CheckResult
from validator.render.json import render
from validator.report import make_report, parse_report
from validator.subject import Subject


def test_what_is_rendered_can_be_read_back() -> None:
    report = make_report(Subject(), [CheckResult("system.python", SYSTEM, "파이썬", PASS, "3.11")])
    assert parse_report(render(report).encode()) == report
