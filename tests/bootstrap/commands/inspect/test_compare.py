from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bootstrap import cli
from tests.validator.render.test_text import RESULTS, report
from validator.check import FAIL
from validator.report import to_bytes


@pytest.fixture
def reports(tmp_path):
    worse = report((replace(RESULTS[0], status=FAIL, details="gone"), *RESULTS[1:]))
    for name, value in (("a.json", report()), ("b.json", worse)):
        (tmp_path / name).write_bytes(to_bytes(value))
    return [str(tmp_path / "a.json"), str(tmp_path / "b.json")]


def test_what_changed_is_shown(reports, capsys) -> None:
    assert cli.main(["compare", *reports]) == 0
    assert "worse: PASS -> FAIL system.python Python: gone" in capsys.readouterr().out
    assert cli.main(["compare", reports[0], reports[0]]) == 0
    assert "Nothing changed." in capsys.readouterr().out


def test_as_json(reports, capsys) -> None:
    assert cli.main(["compare", *reports, "--json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert (change["kind"], change["before"]["status"], change["after"]["status"]) == ("worse", "PASS", "FAIL")


def test_what_is_no_report_is_refused(reports, tmp_path, capsys) -> None:
    (tmp_path / "c.json").write_text("{}")
    assert cli.main(["compare", reports[0], str(tmp_path / "c.json")]) == 3
    assert cli.main(["compare", reports[0], str(tmp_path / "missing.json")]) == 2
    assert cli.main(["compare", reports[0], str(tmp_path)]) == 2
    assert "missing.json" in capsys.readouterr().err


def test_a_partial_report_is_compared_as_partial(reports, tmp_path, capsys) -> None:
    partial = tmp_path / "quick.json"
    results = tuple(one for one in report().results if one.id != RESULTS[0].id)
    partial.write_bytes(to_bytes(replace(report(results), not_run={RESULTS[0].id: RESULTS[0].check_name})))
    assert cli.main(["compare", reports[0], str(partial)]) == 1
    shown = capsys.readouterr().out
    assert f"Not run by the later validation, so not compared: {RESULTS[0].id}" in shown
    assert "removed" not in shown
    assert cli.main(["compare", reports[0], str(partial), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["not_run"] == [RESULTS[0].id]
    assert cli.main(["compare", str(partial), reports[0]]) == 0


def test_a_page_or_a_text_or_json_can_be_written(reports, tmp_path, capsys) -> None:
    for name, held in (("c.html", "<h2>worse (1)</h2>"), ("c.txt", "worse: PASS -> FAIL"), ("c.json", '"worse"')):
        path = tmp_path / name
        assert cli.main(["compare", *reports, "--output", str(path)]) == 0
        assert held in path.read_text(encoding="utf-8")
        assert "worse: PASS -> FAIL system.python" in capsys.readouterr().out
    json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))


def test_a_page_on_stdout_is_alone(reports, capfd) -> None:
    assert cli.main(["compare", *reports, "--output", "-"]) == 0
    assert json.loads(capfd.readouterr().out)["changes"]
