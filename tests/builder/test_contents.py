from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bootstrap.bundle.manifest import FileEntry
from bootstrap.bundle.names import WINDOWS_ROOM
from bootstrap.errors import BuildError
from bootstrap.wheels import Unpacked
from builder.contents import Wheel, demand_apart, demand_short
from builder.wheels import WheelFacts
from tests import tiny

SITE, APP = "/venv/Lib/site-packages/", "/app/"


def wheel(length: int) -> Wheel:
    return Wheel(SimpleNamespace(), Path("any.whl"), WheelFacts(Unpacked(1, 1), None, "p" * length))


def source(length: int) -> FileEntry:
    return FileEntry("03_Source/" + "s" * length, 1, "0" * 64, "source")


def test_paths_that_a_windows_host_opens():
    demand_short([wheel(WINDOWS_ROOM - len(SITE))], [source(WINDOWS_ROOM - len(APP))])


@pytest.mark.parametrize("which", ["wheel", "source"])
def test_a_path_that_is_too_long_for_windows_is_named(which):
    wheels = [wheel(9), wheel(WINDOWS_ROOM - len(SITE) + 1)] if which == "wheel" else []
    sources = [source(9), source(WINDOWS_ROOM - len(APP) + 1)] if which == "source" else []
    with pytest.raises(BuildError, match=r"pppp is too long|ssss is too long"):
        demand_short(wheels, sources)


def test_two_wheels_that_bring_one_file(tmp_path):
    def named(name: str, text: str) -> Wheel:
        path = tmp_path / f"{name}-1.0-py3-none-any.whl"
        path.write_bytes(tiny.wheel(name, "1.0", {"shared/__init__.py": text}))
        return Wheel(SimpleNamespace(filename=path.name), path, WheelFacts(Unpacked(1, 1), None, ""))

    demand_apart([named("one", ""), named("two", "")], "3.11")
    with pytest.raises(BuildError, match=r"^two-1.0\S+ it installs '.*shared/__init__.py', and so does one-1.0"):
        demand_apart([named("one", ""), named("two", "x = 1\n")], "3.11")
