"""Projects that build themselves: a backend of a few lines lies in the tree, so that no index is needed."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import uv

if TYPE_CHECKING:
    from pathlib import Path

BACKEND = """\
import base64
import hashlib
import os
import zipfile

NAME, VERSION, TAG = {name!r}, {version!r}, {tag!r}


def build_wheel(folder, config_settings=None, metadata_directory=None):
    file = f"{{NAME}}-{{VERSION}}-{{TAG}}.whl"
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    record = ""
    with zipfile.ZipFile(os.path.join(folder, file), "w") as out:

        def write(path, data):
            nonlocal record
            out.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{{path}},sha256={{digest}},{{len(data)}}\\n"

        for path in sorted(os.listdir(".")):
            if path.endswith(".txt"):
                with open(path, "rb") as text:
                    write(f"{{NAME}}/{{path}}", text.read())
        metadata = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n"
        write(f"{{info}}/METADATA", metadata.encode())
        write(f"{{info}}/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {{TAG}}\\n".encode())
        out.writestr(f"{{info}}/RECORD", f"{{record}}{{info}}/RECORD,,\\n")
    open("litter", "w").close()
    return file
"""
PYPROJECT = """\
[project]
name = "{name}"
version = "{version}"

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def make_source(folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
    """Write a project whose wheel has one file of text."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, version=version))
    (folder / "backend.py").write_text(BACKEND.format(name=name, version=version, tag=tag))
    (folder / "words.txt").write_text("words\n")
    return folder


def make_sdist(source: Path, name: str, version: str = "1.0") -> bytes:
    """Return a project as a source archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path in sorted(source.iterdir()):
            archive.add(path, f"{name}-{version}/{path.name}")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        member = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        member.size = len(metadata)
        archive.addfile(member, io.BytesIO(metadata))
    return out.getvalue()


def commit(folder: Path) -> str:
    """Make a folder a git repository of one commit; return the commit."""
    git = ("git", "-C", str(folder), "-c", "user.name=somebody", "-c", "user.email=somebody@example.test")
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "first"], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def lock(project: Path) -> None:
    """Write a project's uv.lock without a network."""
    subprocess.run([uv.find_uv_bin(), "lock", "--offline", "--quiet", "--project", project], check=True)
