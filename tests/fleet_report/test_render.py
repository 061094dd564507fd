"""The formats of the table: hostile values of statements are nothing but text in each of them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fleet import enrolled
from fleet.collect import Request, collect
from fleet.command import rendered
from fleet.judging import Refused, Wanted
from fleet.render import as_csv, page
from shared.terminal.columns import columns
from shared.terminal.console import sentence
from tests.fleet_report import made
from tests.fleet_report.made import NOW, Host, enroll

HOSTILE = '=HYPERLINK("http://x")</script><script>alert(1)</script>\'"\u202e'


@pytest.fixture
def fleet(tmp_path):
    bad = replace(made.PROBLEM, check_id="<b>x</b>", details=HOSTILE)
    host = Host(HOSTILE, hostname=HOSTILE)
    host.put(tmp_path, host.says(1, replace(made.REPORT, problems=(bad,)), prefix=HOSTILE), name="hostile")
    plain = Host("host-2")
    plain.put(tmp_path)
    keys = enrolled.read(enroll(tmp_path / "allowed_signers", host, plain, Host("away")))
    found, _last = collect(tmp_path, Request(keys, Wanted(now=NOW)))
    return replace(found, refused=(Refused(HOSTILE, "not-enrolled", HOSTILE, HOSTILE, HOSTILE),))


@pytest.mark.parametrize("kind", ["text", "json", "csv", "prometheus", "html"])
def test_no_format_has_what_controls_a_terminal_or_forges_a_line(fleet, kind) -> None:
    text = rendered(fleet, kind, 100)
    assert ("\u202e" not in text) or kind == "json"
    assert "host-2" in text


def test_the_page_has_no_markup_of_a_statement_and_one_script(fleet) -> None:
    text = "".join(page.render(fleet))
    assert text.count("<script>") == 1
    assert "<b>x</b>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "http://x" in text  # as text
    assert 'src="' not in text
    assert "href=" not in text
    assert "content=\"default-src 'none'" in text


def test_no_cell_is_a_formula(fleet) -> None:
    text = rendered(fleet, "csv", 80)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [row["host"] for row in rows] == ["'" + sentence(HOSTILE), "host-2"]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@|%\t\r")]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        *(("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), (" =1", "' =1"), ("\uff1d1", "'\uff1d1")),
        *(("a=1", "a=1"), ("", ""), (None, ""), (5, "5"), ("a\nb", "a\\nb"), ("\t=1", "\\t=1")),
    ],
)
def test_cells(value, cell) -> None:
    assert as_csv.guarded(value) == cell


def test_metrics_are_read_by_prometheus(fleet) -> None:
    found = {family.name: family for family in text_string_to_metric_families(rendered(fleet, "prometheus", 80) + "\n")}
    assert {sample.labels["hostname"] for sample in found["ragtrace_fleet_status"].samples} == {
        *(sentence(HOSTILE), "host-2")
    }
    critical = {
        sample.labels["hostname"]: sample.value
        for sample in found["ragtrace_fleet_status"].samples
        if sample.labels["status"] == "CRITICAL"
    }
    assert critical == {sentence(HOSTILE): 1, "host-2": 0}
    assert [sample.value for sample in found["ragtrace_fleet_absent_assets"].samples] == [1]
    assert [sample.value for sample in found["ragtrace_fleet_advisories_age_seconds"].samples] == [12 * 86400.0] * 2


def test_json_holds_every_value_as_it_is(fleet) -> None:
    value = json.loads(rendered(fleet, "json", 80))
    assert value["hosts"][0]["hostname"] == HOSTILE
    assert value["hosts"][0]["problems"][0]["details"] == HOSTILE
    assert (value["absent"], value["statuses"]["CRITICAL"], value["refused"][0]["kind"]) == (
        ["away"],
        1,
        "not-enrolled",
    )


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_table_on_a_terminal_fits(fleet, width) -> None:
    lines = rendered(fleet, "text", width).splitlines()
    assert max(map(columns, lines)) <= width
    assert any(line.startswith("not-enrolled: ") for line in lines)
