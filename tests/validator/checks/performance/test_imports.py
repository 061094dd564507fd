from __future__ import annotations

from dataclasses import replace

from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, site_of
from validator.check import ERROR, PASS, SKIP, WARN
from validator.checks.performance import measured
from validator.checks.performance.imports import ImportTime


def test_gives_the_seconds_of_each_module(prefix) -> None:
    change(site_of(prefix) / "demo_base.py", b"import time\ntime.sleep(0.05)\n")
    result = look(ImportTime, prefix)
    assert result.status == PASS
    assert set(result.performance_metric) == {"demo_lib", "demo_base"}
    assert result.performance_metric["demo_base"]["unit"] == "s"
    assert 0.05 <= result.performance_metric["demo_base"]["value"] < 5


def test_a_slow_import_is_told(prefix, monkeypatch) -> None:
    monkeypatch.setitem(measured.DEFAULTS, "import_seconds", measured.Bound(1e-9, at_least=False))
    assert look(ImportTime, prefix).status == WARN


def test_a_module_that_does_not_import_is_not_measured(prefix) -> None:
    change(site_of(prefix) / "demo_lib" / "__init__.py", b"raise RuntimeError\n")
    result = look(ImportTime, prefix)
    assert result.status == ERROR
    assert "demo_lib" in result.details
    assert set(result.performance_metric) == {"demo_base"}


def test_no_core_imports_are_skipped(tmp_path) -> None:
    prefix = make_prefix(tmp_path, application=replace(APPLICATION, core_imports=()))
    assert look(ImportTime, prefix).status == SKIP
