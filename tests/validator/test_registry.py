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
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(validator.checks.__path__, "validator.checks.")
        if not info.ispkg
    ]
    classes = {
        item
        for module in modules
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Check) and item.__module__ == module.__name__
    }
    assert classes == set(CHECKS)
    without = {module.__name__ for module in modules} - {item.__module__ for item in classes}
    assert without == {
        "validator.checks.performance.import_costs",
        "validator.checks.performance.measured",
        "validator.checks.windows_settings",
    }


def file_of(check: type[Check]) -> tuple[str, ...]:
    """Return where a check lies below the folder of checks: category, name, and between them perhaps a room."""
    return tuple(check.__module__.removeprefix("validator.checks.").split("."))


def test_identifiers_are_unique_and_name_their_file_and_category() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        category, *_room, name = file_of(check)
        assert check.id.replace("ragtrace.", "application.") == f"{category}.{name}"
        assert check.id.startswith(check.category.lower() + ".")
        assert check().title()


def test_every_category_has_a_check_in_the_order_of_the_report() -> None:
    assert tuple(dict.fromkeys(check.category for check in CHECKS)) == CATEGORIES


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_has_a_test_in_which_it_passes_and_one_in_which_it_does_not(check) -> None:
    *rooms, name = file_of(check)
    file = Path(__file__).parent.joinpath("checks", *rooms, f"test_{name}.py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    nodes = [node for test in tests for node in ast.walk(test)]
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {check.__name__, "PASS"} <= named
    assert {"FAIL", "WARN"} & named
