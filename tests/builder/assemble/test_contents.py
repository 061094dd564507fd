from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from builder.assemble.contents import require_short
from builder.request.inputs import Wheel
from builder.wheels.wheels import WheelFacts, require_apart
from bundle.manifest import FileEntry
from bundle.names import WINDOWS_ROOM
from bundle.target import parse_target
from bundle.wheels.sizes import Unpacked
from shared.errors import BuildError
from tests.wheels import make_wheel

SITE, APP = "/venv/Lib/site-packages/", "/app/"


def wheel(length: int) -> Wheel:
    locked: Any = SimpleNamespace()
    return Wheel(locked, Path("any.whl"), WheelFacts(Unpacked(1, 1), None, "p" * length))


def source(length: int) -> FileEntry:
    return FileEntry("03_Source/" + "s" * length, 1, "0" * 64, "source")


def test_paths_that_a_windows_host_opens():
    require_short([wheel(WINDOWS_ROOM - len(SITE))], [source(WINDOWS_ROOM - len(APP))])


@pytest.mark.parametrize("which", ["wheel", "source"])
def test_a_path_that_is_too_long_for_windows_is_named(which):
    wheels = [wheel(9), wheel(WINDOWS_ROOM - len(SITE) + 1)] if which == "wheel" else []
    sources = [source(9), source(WINDOWS_ROOM - len(APP) + 1)] if which == "source" else []
    with pytest.raises(BuildError, match=r"pppp is too long|ssss is too long"):
        require_short(wheels, sources)


def test_two_wheels_that_bring_one_file(tmp_path):
    target = parse_target("linux-x86_64", "3.11")
    require_apart([laid(tmp_path, "one"), laid(tmp_path, "two")], target)
    with pytest.raises(BuildError, match=r"^two-1.0\S+ it installs '.*shared/__init__.py', and so does one-1.0"):
        require_apart([laid(tmp_path, "one"), laid(tmp_path, "two", text="x = 1\n")], target)


@pytest.mark.parametrize("file", ["shared/__INIT__.py", "Shared/other.py"])
def test_two_wheels_whose_files_differ_in_case_alone(tmp_path, file):
    both = [laid(tmp_path, "one"), laid(tmp_path, "two", file)]
    require_apart(both, parse_target("linux-x86_64", "3.11"))
    for target in ("windows-amd64", "macos-arm64"):
        reported = rf"^two-1.0\S+ its '.*{file}' cannot be installed next to '.*shared/__init__.py' of one-1.0"
        with pytest.raises(BuildError, match=reported):
            require_apart(both, parse_target(target, "3.11"))


def test_a_file_of_one_wheel_where_another_has_a_folder(tmp_path):
    both = [laid(tmp_path, "one"), laid(tmp_path, "two", "shared")]
    reported = r"^one-1.0\S+ its '.*shared/__init__.py' cannot be installed next to '.*shared' of two-1.0"
    with pytest.raises(BuildError, match=reported):
        require_apart(both, parse_target("linux-x86_64", "3.11"))


def laid(folder: Path, name: str, file: str = "shared/__init__.py", text: str = "") -> tuple[Path, str]:
    """Make a wheel with one file."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    path.write_bytes(make_wheel(name, "1.0", {file: text}))
    return path, path.name
