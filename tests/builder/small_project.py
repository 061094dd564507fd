"""A small project without dependencies, and how it is built through the command line, apart from this user."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
import uv

from builder import cli
from builder.signing.user_keys import PASSPHRASE
from builder.zipapp import pack

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[project]
name = "small-app"
version = "1.2.3"
requires-python = ">=3.9"
[project.scripts]
small = "small_app:main"
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path) -> None:
    """Put a stand-in for the zipapp, which has tests of its own, and keep builds apart from this user."""

    def stand_in(output: Path, target, fetching, packing) -> Path:
        with zipfile.ZipFile(output, "w") as archive:
            for name, data in (("policy.json", packing.policy), ("target", f"{target} {packing.epoch}".encode())):
                archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
        return output

    monkeypatch.setattr(pack, "build_zipapp", stand_in)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.delenv(PASSPHRASE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


def make_project(folder: Path) -> Path:
    (folder / "small_app").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "small_app/__init__.py").write_text("def main():\n    print('hi')\n")
    (folder / "한글.txt").write_text("글\n")
    subprocess.run([uv.find_uv_bin(), "lock", "--offline", "--quiet", "--project", folder], check=True)
    return folder


def build(project: Path, key: Path, output: Path, *more: str) -> int:
    common = ["--project-root", project, "--output-dir", output, "--sign-key", key, "--cache-dir", output / "../cache"]
    return cli.main(["build", *map(str, common), "--offline", "--quiet", *more])


def made(output: Path) -> Path:
    """Return the bundle folder; its trust slip lies beside it."""
    (sums,) = output.glob("*/SHA256SUMS")
    return sums.parent
