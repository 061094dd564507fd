from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from shared.errors import TrustError
from tests.validator.test_report import result
from tools import reference
from validator.check import FAIL, PASS, CheckResult
from validator.report import Report, make_report, parse_report, to_bytes
from validator.subject import Subject, subject_of


def schema():
    return json.loads((reference.DOCS / "schemas" / "report.schema.json").read_text(encoding="utf-8"))


def problems(value) -> list[str]:
    return [error.message for error in Draft202012Validator(schema()).iter_errors(value)]


@pytest.mark.parametrize("path", reference.documents(), ids=lambda path: path.name)
def test_what_is_published_is_what_the_code_says(path) -> None:
    assert path.read_text(encoding="utf-8") == reference.documents()[path], "run python -m tools.reference"


def test_the_schema_is_one_and_has_every_key_that_is_written() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$defs"]["result"]["properties"].keys() == vars(result(PASS)).keys()
    whole = make_report(Subject(), [result(PASS)])
    written = json.loads(to_bytes(replace(whole, not_run={"packages.record": "Installed files"})))
    assert schema()["properties"].keys() == written.keys()
    assert written.keys() - json.loads(to_bytes(whole)).keys() == {"partial"}


def test_reports_with_and_without_an_installation_are_valid(prefix) -> None:
    bad = result(
        FAIL, suggestion="Do it.", performance_metric={"speed": {"value": 1.5, "unit": "s"}}, evidence={"a": 1}
    )
    for subject in (Subject(), subject_of(prefix)):
        assert problems(json.loads(to_bytes(make_report(subject, [bad])))) == []


BREAKS = {
    "no timestamp": lambda value: value.pop("timestamp"),
    "unknown key": lambda value: value.update(more=1),
    "unknown status": lambda value: value["validation_results"][0].update(status="FINE"),
    "unknown category": lambda value: value["validation_results"][0].update(category="Other"),
    "metric without unit": lambda value: value["validation_results"][0].update(performance_metric={"a": {"value": 1}}),
    "no results": lambda value: value.update(validation_results=[]),
    "unknown overall": lambda value: value.update(overall_status="FINE"),
    "other format": lambda value: value.update(format=2),
    "text for evidence": lambda value: value["validation_results"][0].update(evidence="x"),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_the_schema_refuses_what_the_reader_refuses(change) -> None:
    value = copy.deepcopy(json.loads(to_bytes(make_report(Subject(), [result(PASS)]))))
    assert problems(value) == []
    change(value)
    assert problems(value)
    with pytest.raises(TrustError):
        parse_report(json.dumps(value).encode())


def test_the_fields_are_those_of_the_code() -> None:
    assert CheckResult.__dataclass_fields__.keys() == schema()["$defs"]["result"]["properties"].keys()
    assert len(Report.__dataclass_fields__) + 2 == len(schema()["properties"])  # format and partial
