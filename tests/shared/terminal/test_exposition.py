from __future__ import annotations

import pytest

from shared.terminal.exposition import COUNTER, Family, number, render
from tests import metrics

HOSTILE = 'a"b\\c\nd # HELP x y {z="1"} 2'


def test_hostile_texts_stay_inside_their_line() -> None:
    text = render([Family("ragtrace_x", HOSTILE, (({"path": HOSTILE}, 1.5),))])
    samples = metrics.parse(text)
    assert metrics.value(samples, "ragtrace_x", path=HOSTILE) == 1.5
    assert len(text.splitlines()) == 3


def test_names_that_are_no_utf_8_are_written_all_the_same() -> None:
    text = render([Family("ragtrace_x", "Some.", (({"path": "a\udc80"}, 1),))])
    assert metrics.value(metrics.parse(text), "ragtrace_x", path="a\\udc80") == 1


def test_a_metric_without_samples_is_left_out_and_one_without_labels_has_no_braces() -> None:
    families = [Family("ragtrace_none", "None.", ()), Family("ragtrace_one_total", "One.", (({}, 3),), COUNTER)]
    assert (
        render(families) == "# HELP ragtrace_one_total One.\n# TYPE ragtrace_one_total counter\nragtrace_one_total 3\n"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (True, "1"), (0.1, "0.1"), (1e-9, "1e-09"), (2.5e16, "2.5e+16"), (-3.0, "-3")]
)
def test_numbers_are_the_shortest_that_are_the_same(value, text) -> None:
    assert number(value) == text
    assert float(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "ragtrace_x 1\n",
        "# HELP ragtrace_x X.\n# TYPE ragtrace_x gauge\nragtrace_x 1",
        "# HELP ragtrace_x X.\n# TYPE ragtrace_x gauge\nragtrace_x 1\nragtrace_x 2\n",
        '# HELP ragtrace_x X.\n# TYPE ragtrace_x gauge\nragtrace_x{a="b"c"} 1\n',
        "# HELP ragtrace_x X.\n# TYPE ragtrace_x counter\nragtrace_x 1\n",
    ],
)
def test_the_reader_of_these_tests_is_strict(text) -> None:
    with pytest.raises(AssertionError):
        metrics.parse(text)
