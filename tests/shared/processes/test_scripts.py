from __future__ import annotations

import ast
import sys

import pytest

from shared.processes import scripts

NAMES = sorted(
    f"{path.parent.name}/{path.stem}"
    for folder in ("scripts", "scanners")
    for path in (scripts.FOLDER / folder).glob("*.py")
    if path.name != "__init__.py"
)
OURS = {"bootstrap", "recovery", "validator", "installer", "fleet", "bundle", "shared", "builder"}
THEIRS = {"numpy", "picklescan", "safety"}  # of the environments in which they are


@pytest.mark.parametrize("name", NAMES)
def test_a_program_is_an_argument_in_every_locale(name) -> None:
    assert scripts.text(name).isascii()


@pytest.mark.parametrize("name", NAMES)
def test_a_program_stands_alone_and_runs_on_the_oldest_python(name) -> None:
    tree = ast.parse(scripts.text(name), feature_version=(3, 9))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {item.name for node in ast.walk(tree) if isinstance(node, ast.Import) for item in node.names}
    tops = {module.partition(".")[0] for module in imported if module}
    assert not tops & OURS
    assert tops - sys.stdlib_module_names <= THEIRS
    evaluated = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]
    assert all(isinstance(node.left, ast.Name) and node.left.id.isupper() for node in evaluated)  # no runtime X | Y


@pytest.mark.parametrize(
    ("stdout", "answer"),
    [
        ("", None),
        ("noise\n[1]\n", None),
        ("ragtrace-answer [1]\n", "[1]"),
        ("a banner without an end\nragtrace-answer [1]\nsaid at exit\n", "[1]"),
        ("ragtrace-answer [0]\nragtrace-answer [1]\n", "[1]"),
        ("said before ragtrace-answer [1]\n", None),
    ],
)
def test_the_last_line_with_the_mark_is_the_answer(stdout, answer) -> None:
    assert scripts.answer(stdout) == answer
