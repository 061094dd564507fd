from __future__ import annotations

import time
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from installer.logs.identity import Identity
from tests.validator.render.test_text import RESULTS, report
from validator.check import CATEGORIES, PERFORMANCE, STATUSES, CheckResult
from validator.render.html import render
from validator.render.html_script import SCRIPT
from validator.render.html_style import STYLE

VOID = {"meta", "rect", "circle", "path", "input"}
HOSTILE = "</style><script>alert('1')</script>\"><img src=x onerror=a>&amp;"


class Page(HTMLParser):
    """What a browser would see: tags, attributes, texts; nesting is checked on the way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[Any] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.texts.append(data)


def test_it_holds_what_the_report_says_and_the_command_to_run() -> None:
    page = Page(render(report()))
    for result in RESULTS:
        assert result.check_name in page.texts
        assert result.details in page.texts
    assert "python3 ragtrace-install.pyz recover diagnosis.json --prefix /opt/app" in page.texts
    assert page.texts.count("CRITICAL") == 1
    assert "0.137 s" in page.texts
    assert page.tags.count("article") == len(RESULTS)


def test_import_times_are_bars_the_longest_first() -> None:
    metric = {"a": {"value": 1, "unit": "s"}, "b": {"value": 4, "unit": "s"}, "c": {"value": 2400, "unit": "MB/s"}}
    measured = CheckResult("performance.x", PERFORMANCE, "X", "PASS", "seen", performance_metric=metric)
    page = Page(render(report((measured,))))
    widths = [value for name, value in page.attributes if name == "width" and "." in value]
    assert widths == ["100.00", "25.00"]
    assert page.texts.index("4 s") < page.texts.index("1 s")
    assert "2400 MB/s" in page.texts


def test_every_value_is_escaped_and_nothing_is_loaded() -> None:
    hostile = tuple(
        replace(result, check_name=HOSTILE, details=HOSTILE, suggestion=HOSTILE, command=HOSTILE)
        for result in RESULTS
        if not result.performance_metric
    )
    measured = replace(RESULTS[-1], performance_metric={HOSTILE: {"value": 1.0, "unit": HOSTILE}})
    shown = replace(
        report((*hostile, measured)),
        title=HOSTILE,
        version=HOSTILE,
        release=HOSTILE,
        prefix=HOSTILE,
        host=HOSTILE,
        timestamp=HOSTILE,
        overall_status=HOSTILE,
        system_info=dict.fromkeys(("platform", "python_version", "cpu_count", "memory_gb"), HOSTILE),
    )
    page = Page(render(shown))
    assert not {"img", "link", "iframe", "object"} & set(page.tags)
    assert page.tags.count("script") == 1
    assert SCRIPT in page.texts
    assert not [name for name, _value in page.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert "url(" not in render(report())
    assert "default-src 'none'" in dict(page.attributes)["content"] or "default-src 'none'" in render(shown)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_and_category_can_be_shown(status) -> None:
    results = tuple(CheckResult(f"x.{name}", name, name, status, "seen") for name in CATEGORIES)
    page = Page(render(report(results)))
    assert page.texts.count(f"{status} {CATEGORIES[0]}") == 1
    assert page.tags.count("article") == len(CATEGORIES)


def test_without_an_installation() -> None:
    page = Page(render(replace(report(prefix=None), release=None, title="", version=None)))
    assert "Nothing is installed; only the host was checked." in page.texts


def test_the_page_names_its_language(monkeypatch) -> None:
    assert ("lang", "en") in Page(render(report())).attributes
    monkeypatch.setattr("shared.terminal.html_page.language", lambda: "ko")
    assert ("lang", "ko") in Page(render(report())).attributes


def test_every_status_has_a_shape_of_its_own() -> None:
    shapes = set()
    for status in STATUSES:
        page = render(report((CheckResult("a.b", PERFORMANCE, "One", status, ""),)))
        shapes.add(page.partition("</title>")[2].partition("</title>")[2].partition("</svg>")[0])
    assert len(shapes) == len(STATUSES)


def test_a_chart_is_not_cut_by_the_end_of_a_page() -> None:
    assert ".charts > div, .glance, ol.steps li, header { break-inside: avoid }" in STYLE


def test_failures_come_first_and_what_passed_is_folded_last() -> None:
    shown = render(report())
    order = ["1 problem<", "Installed files</b>", "1 warning<", "Memory</b>", "Next steps<", "1 skipped<", "3 passed<"]
    places = [shown.index(text) for text in order]
    assert places == sorted(places)
    assert shown.index("Python</b>") > places[-1]
    assert shown.count('<details class="fold">') == 2
    assert "<details open" not in shown


def test_each_result_names_its_check_and_each_command_can_be_copied() -> None:
    page = Page(render(report()))
    assert [text for text in page.texts if text in {one.id for one in RESULTS}] == [
        *("packages.record", "system.memory", "performance.matrix", "system.python", "ragtrace.cli"),
        "performance.imports",
    ]
    assert page.texts.count("Copy") == 1


def test_thresholds_and_the_previous_run_are_beside_the_bars() -> None:
    metric = {
        "a": {"value": 1, "unit": "s", "threshold": 4, "last": 2},
        "b": {"value": 2, "unit": "s", "threshold": 30},
        "write": {"value": 100, "unit": "MB/s", "threshold": 50},
    }
    measured = CheckResult("performance.x", PERFORMANCE, "X", "PASS", "seen", performance_metric=metric)
    page = Page(render(report((measured,))))
    for text in ("threshold 4 s, previous run 2 s", "threshold 30 s", "threshold 50 MB/s"):
        assert text in page.texts
    assert [value for name, value in page.attributes if name == "d" and value.endswith("h.6v1h-.6z")] == [
        "M99.40 0h.6v1h-.6z",
        "M50.00 0h.6v1h-.6z",
    ]


def test_a_threshold_that_all_bars_share_is_written_once() -> None:
    metric = {name: {"value": 1, "unit": "s", "threshold": 30} for name in "abc"}
    measured = CheckResult("performance.x", PERFORMANCE, "X", "PASS", "seen", performance_metric=metric)
    assert Page(render(report((measured,)))).texts.count("threshold 30 s") == 1


def test_the_identity_and_the_local_time_are_shown(monkeypatch) -> None:
    monkeypatch.setenv("TZ", "KST-9")
    time.tzset()
    try:
        page = Page(render(replace(report(), identity=Identity("plc-1", "0" * 16, "1" * 16, "HMI-7"))))
    finally:
        monkeypatch.undo()
        time.tzset()
    for text in ("plc-1", "HMI-7", "0" * 16, "1" * 16, "2026-01-31 12:00:00 UTC", "2026-01-31 21:00:00 (UTC+0900)"):
        assert text in page.texts


def test_a_partial_run_is_shown_as_partial_and_names_what_was_not_run() -> None:
    page = Page(render(replace(report((RESULTS[0],)), not_run={"packages.record": "Installed files"})))
    assert ("class", "overall EXCELLENT partial") in page.attributes
    assert "EXCELLENT of 1 of 2 checks; files not compared" in page.texts
    assert "1 other check was not run." in page.texts
    assert "packages.record" in page.texts
    assert "partial" not in "".join(value for _name, value in Page(render(report())).attributes if value)
