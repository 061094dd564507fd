from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bundle.manifest import WHEELS
from shared.errors import HostError, ToolError
from shared.processes import process
from shared.programs import uv
from tests.wheels import make_wheel, pylock

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = {
    "UV_INDEX_URL": "http://127.0.0.1:9/",
    "UV_EXTRA_INDEX_URL": "http://127.0.0.1:9/",
    "UV_LINK_MODE": "symlink",
    "UV_PROJECT_ENVIRONMENT": "/evil",
    "UV_COMPILE_BYTECODE": "1",
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "HTTPS_PROXY": "http://127.0.0.1:9/",
    "ALL_PROXY": "http://127.0.0.1:9/",
    "VIRTUAL_ENV": "/evil",
    "PYTHONPATH": "/evil",
    "XDG_CONFIG_HOME": "/evil",
    "PATH": "/evil",
}


@pytest.fixture
def hostile(tmp_path, monkeypatch) -> Path:
    """Give a host whose settings would all lead uv astray."""
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for place in (tmp_path / "home/.config/uv", tmp_path / "cwd"):
        place.mkdir(parents=True)
        (place / "uv.toml").write_text('index-url = "http://127.0.0.1:9/"\nnonsense = true\n')
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path


def test_nothing_of_the_host_reaches_uv(hostile, monkeypatch) -> None:
    calls = []

    def run(argv, **options):
        calls.append((argv, options))
        return process.Completed(tuple(argv), 0, "", "")

    monkeypatch.setattr(process, "run", run)
    tool = uv.Uv(hostile / "scratch")
    tool.venv(hostile / "venv", hostile / "python")
    tool.sync(hostile / "venv/bin/python", hostile / "pylock.toml")
    assert tool.resolve(hostile / "python", ["tiny"], ["tiny==1"], hostile / "wheels") == []
    tool.check(hostile / "venv/bin/python")
    for argv, options in calls:
        assert argv[0] == str(uv.binary())
        assert {"--no-config", "--offline"} <= set(argv)
        assert options["cwd"] == tool.empty
        assert list(tool.empty.iterdir()) == []
        assert not set(options["env"].values()) & {"/evil", "symlink", HOSTILE["UV_INDEX_URL"]}
        assert {name for name in options["env"] if name in HOSTILE} == {"PATH"}
        assert options["env"]["PATH"] == ""
        assert options["env"]["HOME"] == str(tool.empty)
    for argv, _options in calls[1:3]:
        assert {"--no-index", "--no-build"} <= set(argv)
    assert "--require-hashes" in calls[1][0]
    tool.close()
    assert list((hostile / "scratch").iterdir()) == []


def test_wheels_are_installed_on_a_hostile_host(hostile) -> None:
    name = "lib-1.0-py3-none-any.whl"
    data = make_wheel("lib", "1.0", {"lib.py": "X = 1\n"})
    (hostile / "wheels").mkdir()
    (hostile / "wheels" / name).write_bytes(data)
    (hostile / "pylock.toml").write_bytes(pylock({f"{WHEELS}/{name}": data}))
    tool = uv.Uv(hostile / "scratch")
    tool.venv(hostile / "venv", uv.base_interpreter())
    python = hostile / "venv/bin/python"
    tool.sync(python, hostile / "pylock.toml")
    assert process.run([str(python), "-I", "-B", "-c", "import lib;print(lib.X)"], timeout=60).stdout == "1\n"
    assert not list((hostile / "venv").rglob("*.pyc"))
    assert not (hostile / "venv/.lock").exists()
    assert tool.check(python).ok

    (hostile / "wheels" / name).write_bytes(make_wheel("lib", "1.0", {"lib.py": "X = 2\n"}))
    again = uv.Uv(hostile / "again")
    again.venv(hostile / "other", uv.base_interpreter())
    with pytest.raises(ToolError, match="uv pip sync failed"):
        again.sync(hostile / "other/bin/python", hostile / "pylock.toml")


def test_a_python_without_distutils(tmp_path, monkeypatch) -> None:
    failed = process.Completed(("uv",), 2, "", "error: missing distutils\n")
    monkeypatch.setattr(process, "run", lambda *_arguments, **_options: failed)
    with pytest.raises(HostError, match="distutils") as caught:
        uv.Uv(tmp_path).venv(tmp_path / "venv", tmp_path / "python")
    assert "python3-distutils" in caught.value.advice
