from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import validator.checks
from validator.check import CATEGORIES, Check
from validator.registry import CHECKS


def test_every_file_of_checks_is_registered() -> None:
    modules = [
        importlib.import_module(f"validator.checks.{info.name}")
        for info in pkgutil.iter_modules(validator.checks.__path__)
    ]
    classes = {
        item
        for module in modules
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Check) and item.__module__ == module.__name__
    }
    assert classes == set(CHECKS)
    assert len(classes) == len(modules)


def test_identifiers_are_unique_and_name_their_file_and_category() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.id.replace(".", "_") == check.__module__.rpartition(".")[2]
        assert check.id.startswith(check.category.lower() + ".")
        assert check().title()


def test_every_category_has_a_check_in_the_order_of_the_report() -> None:
    assert tuple(dict.fromkeys(check.category for check in CHECKS)) == CATEGORIES


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_has_a_test_in_which_it_passes_and_one_in_which_it_does_not(check) -> None:
    file = Path(__file__).parent / "checks" / f"test_{check.id.replace('.', '_')}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    nodes = [node for test in tests for node in ast.walk(test)]
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {check.__name__, "PASS"} <= named
    assert {"FAIL", "WARN"} & named
