"""A project of two wheels made by hand and a model, with licences of many forms; built without a network."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

import uv

from builder import cli
from builder.signing.sign import generate_key
from tests.wheels import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """\
[project]
name = "audited"
version = "1.2.3"
requires-python = ">=3.11"
dependencies = ["given", "plain"]
[project.scripts]
audited = "audited:main"
[project.optional-dependencies]
more = []
[tool.uv]
package = false
[tool.uv.sources]
given = { path = "wheels/given-1.0-py3-none-any.whl" }
plain = { path = "wheels/plain-2.0-py3-none-any.whl" }
"""
CARD = "---\nlanguage: ko\nlicense: apache-2.0\n---\n# A model\n"
MIT_TEXT = b"Permission is hereby granted\n"


def make_project(folder: Path, *, more: str = "") -> Path:
    """Write the project and its lock; ``more`` is what its first wheel says besides."""
    (folder / "wheels").mkdir(parents=True)
    licence = {"given/__init__.py": b"", "given-1.0.dist-info/licenses/LICENSE": MIT_TEXT}
    given = make_wheel("given", "1.0", metadata=f"License-Expression: MIT OR Apache-2.0\n{more}", files=licence)
    notices = {
        "plain/__init__.py": b"",
        "plain-2.0.dist-info/COPYING": MIT_TEXT,
        "plain-2.0.dist-info/NOTICE.txt": b"Notice\r\n",
    }
    plain = make_wheel("plain", "2.0", metadata="License: BSD\n", files=notices)
    (folder / "wheels/given-1.0-py3-none-any.whl").write_bytes(given)
    (folder / "wheels/plain-2.0-py3-none-any.whl").write_bytes(plain)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "audited.py").write_text("print('hi')\n")
    (folder / "model").mkdir()
    (folder / "model/README.md").write_text(CARD)
    (folder / "model/config.json").write_text("{}\n")
    subprocess.run([uv.find_uv_bin(), "lock", "--offline", "--quiet", "--project", folder], check=True)
    return folder


def stand_in(output: Path, target, fetching, packing) -> Path:
    """Write what stands for the zipapp: pins, and one package that it carries."""
    texts = {
        "policy.json": packing.policy.decode(),
        "site-packages/uv-0.13.9.dist-info/METADATA": "Name: uv\nVersion: 0.13.9\nLicense-Expression: MIT\n",
        "target": f"{target} {packing.epoch}",
    }
    with zipfile.ZipFile(output, "w") as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return output


def build(project: Path, output: Path, *more: str) -> int:
    """Build the project for Linux and Python 3.11 with a key beside the output, which is made when it is missing."""
    key = output.parent / "key"
    if not key.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        generate_key(key, None)
    places = ["--project-root", project, "--output-dir", output, "--sign-key", key, "--cache-dir", output / "../cache"]
    target = ["--target", "linux-x86_64", "--python", "3.11", "--model", f"m=path:{project / 'model'}"]
    return cli.main(["build", *map(str, places), *target, "--quiet", *more])
