"""What validate writes, it reads again: reports and measurements, with whatever a check saw."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle.embedding import is_number
from installer.layout.prefix import Prefix
from validator import report as reports
from validator.check import CATEGORIES, STATUSES, CheckResult
from validator.checks.performance import measured
from validator.report import ID_LIMIT, LIMIT, RESULTS_LIMIT, ROOM, make_report, parse_report, to_bytes
from validator.subject import Subject

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
ANY = st.text(max_size=30) | st.builds(
    str.__mul__, st.sampled_from(["x", "\n", "\x7f", "\u202e", "\udcff"]), st.just(5000)
)
NUMBERS = st.floats() | st.integers() | st.just(10**400)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=12,
)
METRICS = st.dictionaries(ANY, st.fixed_dictionaries({"value": NUMBERS, "unit": st.text(max_size=5)}), max_size=3)
RESULTS = st.builds(
    CheckResult,
    ANY,
    st.sampled_from(CATEGORIES),
    ANY,
    st.sampled_from(STATUSES),
    ANY,
    suggestion=ANY,
    command=ANY,
    performance_metric=st.none() | METRICS,
    evidence=st.dictionaries(ANY, VALUES, max_size=3),
)


@FEW
@given(results=st.lists(RESULTS, min_size=1, max_size=4))
def test_reports(results) -> None:
    made = make_report(Subject(), results)
    assert parse_report(to_bytes(made)) == made
    assert [result.status for result in made.results] == [result.status for result in results]


def deep(levels: int) -> object:
    return [deep(levels - 1)] if levels else "x"


@pytest.mark.parametrize(
    "evidence",
    [{"nan": math.nan}, {"deep": deep(20)}, {"": 1}, {"line": {"a\nb": 1}}, {"text": "x" * 5000}],
    ids=["nan", "deep", "no name", "two lines", "long"],
)
def test_evidence_that_could_not_be_read_again_is_left_out_and_the_rest_stays(evidence) -> None:
    seen = CheckResult("a.b", CATEGORIES[0], "A", "FAIL", "seen", evidence={**evidence, "files": ["x"]})
    (stored,) = make_report(Subject(), [seen]).results
    assert stored.evidence == {"files": ["x"]}
    assert stored.details == "seen"


def test_a_report_of_too_much_keeps_what_is_urgent() -> None:
    large = {"files": ["x" * 4000] * (ROOM // 2 // 4000)}
    results = [CheckResult(f"a.{number}", CATEGORIES[0], "A", "PASS", "well", evidence=large) for number in range(3)]
    results.append(CheckResult("a.last", CATEGORIES[0], "A", "FAIL", "bad", evidence=large))
    made = make_report(Subject(), results)
    assert len(to_bytes(made)) < LIMIT
    assert parse_report(to_bytes(made)) == made
    assert [result.evidence == large for result in made.results] == [False, False, False, True] or [
        result.evidence == large for result in made.results
    ] == [True, False, False, True]
    many = [CheckResult("i" * 300, CATEGORIES[0], "A", "PASS", "")] * (RESULTS_LIMIT + 5)
    many.append(CheckResult("the.last", CATEGORIES[0], "A", "FAIL", ""))
    stored = reports.readable(many)
    assert (len(stored), stored[-1].id, len(stored[0].id)) == (RESULTS_LIMIT, "the.last", ID_LIMIT)


def test_advice_with_its_command_fits_too() -> None:
    seen = CheckResult("a.b", CATEGORIES[0], "A", "FAIL", "", suggestion="s" * 4000, command="c" * 4000)
    made = make_report(Subject(), [seen])
    assert parse_report(to_bytes(made)).recommendations == made.recommendations != ()


@FEW
@given(values=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), NUMBERS, max_size=4))
def test_measurements(tmp_path, values) -> None:
    prefix = Prefix(tmp_path)
    prefix.state.mkdir(exist_ok=True)
    (prefix.state / measured.NAME).unlink(missing_ok=True)
    measured.keep(prefix, "a.b", {"speed": 1.0, **values})
    reported = {name: value for name, value in {"speed": 1.0, **values}.items() if is_number(value)}
    assert measured.read_last(prefix) == {"a.b": {name: float(value) for name, value in reported.items()}}
