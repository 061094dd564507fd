from __future__ import annotations

from tests.installed import BASE, LIB, make_prefix
from tests.validator.looking import change, look, site_of
from validator import measured
from validator.check import ERROR, PASS, WARN
from validator.checks.performance_import_tree import ImportTree, parse


def test_the_tree_of_the_slowest(tmp_path) -> None:
    slow = type(LIB)("demo-base", "2.0.1", {"demo_base.py": "import time\nimport colorsys\ntime.sleep(0.05)\n"})
    prefix = make_prefix(tmp_path, wheels=(LIB, slow))
    result = look(ImportTree, prefix)
    assert result.status == PASS, result.details
    assert "demo_base" in result.performance_metric
    assert result.performance_metric["demo_base warm"]["value"] >= 0.05
    assert result.performance_metric["demo_lib cold"]["unit"] == "s"
    assert "colorsys" in [line[0] for line in result.evidence["tree"]]


def test_a_module_that_does_not_import_was_not_measured(prefix) -> None:
    assert BASE.name == "demo-base"
    change(site_of(prefix) / "demo_base.py", b"import nothing\n")
    assert look(ImportTree, prefix).status == ERROR


def test_a_module_that_takes_too_long_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(measured.DEFAULTS, "import_seconds", measured.Bound(1e-9, at_least=False))
    result = look(ImportTree, make_prefix(tmp_path))
    assert (result.status, "at most 1e-09" in result.details) == (WARN, True)


def test_reading_the_interpreters_lines() -> None:
    text = "import time: self [us] | cumulative | package\nimport time:  5 |  9 |   inner\nx\nimport time: 1 | 10 | a\n"
    assert parse(text) == [("inner", 5, 9, 1), ("a", 1, 10, 0)]
