from __future__ import annotations

from dataclasses import replace

from tests.installed import APPLICATION, BASE, LIB, make_prefix
from tests.validator.checking import change, look, look_all, release_of, site_of
from validator.check import ERROR, PASS, WARN
from validator.checks.performance import import_tree as performance_import_tree
from validator.checks.performance import measured
from validator.checks.performance.import_tree import ImportTree


def test_the_tree_of_the_slowest(tmp_path) -> None:
    slow = type(LIB)("demo-base", "2.0.1", {"demo_base.py": "import time\nimport colorsys\ntime.sleep(0.05)\n"})
    prefix = make_prefix(tmp_path, wheels=(LIB, slow))
    result, _start = look_all(ImportTree, prefix)
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
    result, _start = look_all(ImportTree, make_prefix(tmp_path))
    assert (result.status, "at most 1e-09" in result.details) == (WARN, True)


def test_a_command_tells_what_its_imports_cost_and_where_they_come_from(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(performance_import_tree, "DEAR", 0.04)
    slow = replace(BASE, modules={"demo_base.py": "import time\ntime.sleep(0.05)\n"})
    source = {"app.py": b"import ours.first\n", "ours/first.py": b"from ours import second\n"}
    source["ours/second.py"] = b"import demo_lib\n"
    _tree, result = look_all(ImportTree, make_prefix(tmp_path, wheels=(LIB, slow), source=source))
    assert (result.status, result.check_name) == (PASS, "Imports of demo --help")
    assert "through ours.first → ours.second → demo_lib" in result.details
    assert result.suggestion.endswith("in the profile: demo_lib.")  # demo_base is what that needs
    packages = {name: (seconds, modules) for name, seconds, modules, _chain in result.evidence["packages"]}
    assert packages["demo_lib"][0] >= packages["demo_base"][0] >= 0.05
    assert packages["ours"][1] == 3


def test_lazy_imports_are_gone_from_the_tree(tmp_path) -> None:
    source = {"app.py": b"import ours\n", "ours.py": b"import demo_lib\ndef work(): return demo_lib.embed\n"}
    application = replace(APPLICATION, lazy_imports=("demo_lib",))
    _tree, result = look_all(ImportTree, make_prefix(tmp_path, source=source, application=application))
    assert "demo_lib" not in [package[0] for package in result.evidence["packages"]]


def test_a_command_that_fails_was_not_measured(prefix) -> None:
    change(release_of(prefix).app / "app.py", b"raise SystemExit(3)\n")
    _tree, result = look_all(ImportTree, prefix)
    assert (result.status, "exited with code 3" in result.details) == (ERROR, True)
