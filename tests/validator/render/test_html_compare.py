from __future__ import annotations

from dataclasses import replace

from tests.validator.render.test_html import HOSTILE, Page
from tests.validator.render.test_text import RESULTS, report
from validator.check import FAIL
from validator.render.html_compare import render


def test_what_got_worse_comes_first_with_the_id_of_the_check() -> None:
    better = replace(RESULTS[2], status="PASS")
    after = report((replace(RESULTS[0], status=FAIL, details="gone"), RESULTS[1], better, *RESULTS[3:]))
    shown = render(report(), replace(after, version="1.1.0"))
    places = [
        shown.index(text) for text in ("worse (1)", "system.python", "gone", "better (1)", "packages.record", "1.1.0")
    ]
    assert places == sorted(places)
    Page(shown)


def test_nothing_changed() -> None:
    assert "Nothing changed." in Page(render(report(), report())).texts


def test_a_partial_run_is_compared_as_partial() -> None:
    after = replace(report(RESULTS[1:]), not_run={RESULTS[0].id: RESULTS[0].check_name})
    page = Page(render(report(), after))
    assert f"Not run by the later validation, so not compared: {RESULTS[0].id}" in page.texts
    assert ("class", "overall CRITICAL partial") in page.attributes
    assert page.texts.count("CRITICAL of 5 of 6 checks") == 1
    assert "removed (1)" not in page.texts


def test_every_value_is_escaped() -> None:
    hostile = tuple(replace(one, check_name=HOSTILE, details=HOSTILE, status=FAIL) for one in RESULTS)
    after = replace(report(hostile), release=HOSTILE, host=HOSTILE, system_info={HOSTILE: HOSTILE}, timestamp=HOSTILE)
    page = Page(render(report(), after))
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
