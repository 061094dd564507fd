from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.bundle.application import Container
from tests.installed import APPLICATION, make_prefix
from tests.validator.looking import change, look, release_of, snapshot
from validator.check import ERROR, FAIL, PASS, SKIP
from validator.checks.ragtrace_container import ContainerObject

# what dependency_injector's containers have, and a folder that is made while it is imported
PARTS = """
import os, pathlib
(pathlib.Path(__file__).parent / "data" / "seen").mkdir()
class Whole:
    def check_dependencies(self):
        assert os.environ["DEMO_API_KEY"]
class Parts:
    def check_dependencies(self):
        raise LookupError("llm is not provided")
    whole = Whole()
parts, nothing, plain = Parts(), None, object()
"""


def container_of(tmp_path, name, parts=PARTS):
    prefix = make_prefix(tmp_path, application=replace(APPLICATION, container=Container(f"parts:{name}")))
    change(release_of(prefix).app / "parts.py", parts.encode())
    return prefix


@pytest.mark.parametrize(("name", "kind"), [("parts.whole", "Whole, and nothing"), ("plain", "object")])
def test_a_container_that_is_whole_passes_and_nothing_changes(tmp_path, name, kind) -> None:
    prefix = container_of(tmp_path, name)
    before = snapshot(prefix.root)
    result = look(ContainerObject, prefix)
    assert (result.status, f"is a {kind}" in result.details) == (PASS, True), result.details
    assert snapshot(prefix.root) == before


@pytest.mark.parametrize(
    ("name", "reason"),
    [("parts", "llm is not provided"), ("nothing", "it is None"), ("other", "AttributeError")],
)
def test_a_container_that_is_not_whole_fails(tmp_path, name, reason) -> None:
    result = look(ContainerObject, container_of(tmp_path, name))
    assert (result.status, reason in result.details) == (FAIL, True), result.details


def test_one_that_ends_the_interpreter_is_an_error(tmp_path) -> None:
    result = look(ContainerObject, container_of(tmp_path, "parts", "import os\nos._exit(3)\n"))
    assert (result.status, "exit code 3" in result.details) == (ERROR, True), result.details


def test_without_a_container_there_is_nothing_to_look_up(prefix) -> None:
    assert look(ContainerObject, prefix).status == SKIP
