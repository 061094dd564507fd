from __future__ import annotations

import json

from validator.check import DETAILS_LIMIT, EVIDENCE_LIMIT, SYSTEM, Check, plain, some_of


class Example(Check):
    id = "system.example"
    category = SYSTEM

    def title(self) -> str:
        return "Example"

    def run(self, subject):
        yield self.passed("fine")


def test_texts_are_one_bounded_line_that_steers_no_terminal() -> None:
    assert plain("a\nb\x1b[31mc\u202e") == "a b [31mc"
    assert len(plain("x" * 10_000)) == DETAILS_LIMIT


def test_names_that_are_no_utf8_can_be_written() -> None:
    result = Example().failed("x", evidence={"missing": ["caf\udce9", {"a": ["\n"]}], "count": 3})
    assert json.dumps(result.to_json()).encode("ascii")
    assert result.evidence == {"missing": ["caf\\udce9", {"a": [""]}], "count": 3}


def test_evidence_is_bounded() -> None:
    assert len(Example().failed("x", evidence={"missing": ["a"] * 20_000}).evidence["missing"]) == EVIDENCE_LIMIT


def test_metrics_have_value_and_unit() -> None:
    result = Example().passed("x", metric={"speed": (1.5, "MB/s")})
    assert result.performance_metric == {"speed": {"value": 1.5, "unit": "MB/s"}}
    assert Example().passed("x").performance_metric is None


def test_some_of_tells_how_many_more() -> None:
    assert some_of(["a", "b"]) == "a, b"
    assert some_of(str(number) for number in range(7)) == "0, 1, 2, 3, 4 (+2)"


def test_the_time_left_is_bounded_and_never_nothing() -> None:
    check = Example(limit=30.0)
    assert 29 < check.left() <= 30
    assert check.left(5.0) == 5.0
    check.started -= 60
    assert check.left() == 0.1
