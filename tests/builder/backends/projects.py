"""Projects whose backend lies in their tree, so that no index is needed, and does whatever a test wants."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uv

from builder.backends.workshop import Workshop
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.project.project import UvSettings
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BACKEND = """\
import json, os, subprocess, sys, zipfile

NAME, VERSION, TAG = {name!r}, {version!r}, "py3-none-any"
SCRIPTS, REQUIRES, MORE = {scripts!r}, {requires!r}, {more!r}
SAID = ""


def get_requires_for_build_wheel(config_settings=None):
    return MORE


def build_wheel(folder, config_settings=None, metadata_directory=None):
    global VERSION, SAID
{first}
    file, info = f"{{NAME}}-{{VERSION}}-{{TAG}}.whl", f"{{NAME}}-{{VERSION}}.dist-info"
    metadata = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n"
    metadata += "".join(f"Requires-Dist: {{one}}\\n" for one in REQUIRES)
    points = "[console_scripts]\\n" + "".join(f"{{key}} = {{value}}\\n" for key, value in SCRIPTS.items())
    root = TAG.endswith("-any")
    members = {{
        f"{{NAME}}/__init__.py": "def main():\\n    print('hi')\\n",
        f"{{NAME}}/said.txt": SAID,
        f"{{info}}/METADATA": metadata,
        f"{{info}}/WHEEL": f"Wheel-Version: 1.0\\nRoot-Is-Purelib: {{str(root).lower()}}\\nTag: {{TAG}}\\n",
        f"{{info}}/entry_points.txt": points,
    }}
    with zipfile.ZipFile(os.path.join(folder, file), "w") as out:
        record = ""
        for path, text in members.items():
            out.writestr(path, text)
            import base64, hashlib
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{{path}},sha256={{digest}},{{len(text.encode())}}\\n"
        out.writestr(f"{{info}}/RECORD", record + f"{{info}}/RECORD,,\\n")
    return file


build_editable = build_wheel  # uv asks it for the metadata when it locks a dynamic version
"""


@dataclass(frozen=True)
class Project:
    """A package with a backend of its own; ``first`` are lines that the backend runs before it builds."""

    name: str = "thing"
    version: str = "1.0"
    dynamic: bool = False
    build_requires: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    first: str = "pass"
    scripts: Mapping[str, str] = field(default_factory=dict)
    tail: str = ""

    def write(self, folder: Path) -> Path:
        """Write its pyproject.toml and its backend."""
        folder.mkdir(parents=True, exist_ok=True)
        version = 'dynamic = ["version"]' if self.dynamic else f'version = "{self.version}"'
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{self.name}"\n{version}\nrequires-python = ">=3.9"\n'
            f"dependencies = {list(self.requires)!r}\n"
            f'[build-system]\nrequires = {list(self.build_requires)!r}\nbuild-backend = "backend"\n'
            f'backend-path = ["."]\n{self.tail}'
        )
        first = "".join(f"    {line}\n" for line in self.first.splitlines())
        text = BACKEND.format(
            name=self.name,
            version=self.version,
            scripts=dict(self.scripts),
            requires=list(self.requires),
            more=list(self.more),
            first=first.rstrip("\n"),
        )
        (folder / "backend.py").write_text(text)
        return folder


def workshop_in(folder: Path) -> Workshop:
    """Return a workshop with an empty cache."""
    return Workshop(UvSettings(), Fetching(Cache(folder), NoProgress()))


def lock(project: Path) -> None:
    """Write a project's uv.lock without a network."""
    subprocess.run([uv.find_uv_bin(), "lock", "--offline", "--quiet", "--project", project], check=True)
