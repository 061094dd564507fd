"""A project whose index offers one wheel with its attestation and one without."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import uv

from builder.lock.lock import select_wheels
from bundle.target import parse_target
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """\
[project]
name = "attested-app"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["demo", "plain"]
[project.scripts]
attested = "app:main"
"""
DEMO, PLAIN = "demo-1.0-py3-none-any.whl", "plain-1.0-py3-none-any.whl"


class Heard(NoProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def locked(folder: Path, site) -> Path:
    """Make a project in a folder, locked from an index."""
    folder.mkdir()
    (folder / "app.py").write_text("def main(): pass\n")
    (folder / "pyproject.toml").write_text(
        f'{PROJECT}[[tool.uv.index]]\nname = "here"\nurl = "{site.url}/simple"\ndefault = true\n'
    )
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet", "--project", folder], check=True)
    return folder


def all_wheels(lock):
    return select_wheels(lock, parse_target("linux-x86_64", "3.11")).wheels
