from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.product.application import Container, Launcher
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, release_of, snapshot
from validator.check import ERROR, FAIL, PASS, SKIP
from validator.checks.application.container import ContainerObject
from validator.trials import apart

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
class Lazy:
    def __init__(self, model):
        self.parts = model
    def build(self):
        self.model = self.parts()
        return self
def fetch():
    import socket
    socket.create_connection(("192.0.2.1", 9), timeout=30)
parts, nothing, plain = Parts(), None, object()
lazy, empty, online = Lazy(object), Lazy(lambda: None), Lazy(fetch)
"""


# builds what the application needs with the container, as a profile's own program does
BUILD = (
    "import sys, parts\nname, = sys.argv[1:]\nbuilt = getattr(parts, name).build()\nassert built.model is not None\n"
)


def container_of(tmp_path, name, parts=PARTS, build=()):
    program = Launcher("try-container", "program", "build.py", cwd="app", program=BUILD)
    application = replace(
        APPLICATION,
        launchers=(*APPLICATION.launchers, program),
        container=Container(f"parts:{name}", ("try-container", name) if build else ()),
    )
    prefix = make_prefix(tmp_path, application=application)
    change(release_of(prefix).app / "parts.py", parts.encode())
    return prefix


@pytest.mark.parametrize(
    ("name", "build", "said"),
    [
        ("parts.whole", False, "is a Whole, and all of its dependencies"),
        ("lazy", True, "is a Lazy, and try-container lazy builds"),
    ],
)
def test_a_container_that_is_whole_passes_and_nothing_changes(tmp_path, name, build, said) -> None:
    prefix = container_of(tmp_path, name, build=build)
    before = snapshot(prefix.root)
    result = look(ContainerObject, prefix)
    assert (result.status, said in result.details) == (PASS, True), result.details
    assert snapshot(prefix.root) == before


@pytest.mark.parametrize(
    ("name", "reason"), [("plain", "no attribute 'build'"), ("empty", "AssertionError"), ("online", "OSError")]
)
def test_one_that_imports_and_builds_nothing_fails(tmp_path, name, reason) -> None:
    if name == "online" and not apart.possible():
        pytest.skip("this host takes no network away")
    result = look(ContainerObject, container_of(tmp_path, name, build=True))
    assert (result.status, reason in result.details) == (FAIL, True), result.details


def test_one_of_which_only_the_import_can_be_seen_is_not_said_to_be_well(tmp_path) -> None:
    result = look(ContainerObject, container_of(tmp_path, "plain"))
    assert (result.status, "has no command" in result.details) == (SKIP, True), result.details


@pytest.mark.parametrize(
    ("name", "reason"),
    [("parts", "llm is not provided"), ("nothing", "it is None"), ("other", "AttributeError")],
)
def test_a_container_that_is_not_whole_fails(tmp_path, name, reason) -> None:
    result = look(ContainerObject, container_of(tmp_path, name))
    assert (result.status, reason in result.details) == (FAIL, True), result.details


def test_one_that_ends_the_interpreter_is_an_error(tmp_path) -> None:
    result = look(ContainerObject, container_of(tmp_path, "parts", "import os\nos._exit(3)\n"))
    assert (result.status, "exited with code 3" in result.details) == (ERROR, True), result.details


def test_without_a_container_there_is_nothing_to_look_up(prefix) -> None:
    assert look(ContainerObject, prefix).status == SKIP
