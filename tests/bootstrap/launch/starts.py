"""Starting the zipapp as an operator does, and what it told."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from shared.processes import process

EXIT_CODE = 9


def start(zipapp, home, *arguments, python=sys.executable, cwd=None, **variables):
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **variables}
    return process.run([str(python), str(zipapp), *arguments], env=env, cwd=cwd, timeout=120)


def told(done):
    assert done.returncode == EXIT_CODE, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def refused(done, code=4):
    assert done.returncode == code, done.stderr
    first, second = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("  next: ")
    return first


def tree(home):
    (found,) = home.glob(".cache/ragtrace-zipapp/probe.pyz_*/site-packages")
    return found


def altered(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def interpreter(version):
    """Return a CPython of this machine by its minor; the test is skipped where there is none."""
    for folder in sorted(Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob(f"versions/{version}.*")):
        if (folder / "bin" / "python").is_file():
            return folder / "bin" / "python"
    found = shutil.which(f"python{version}")
    if found and process.run([found, "-c", ""], timeout=30).ok:
        return Path(found)
    pytest.skip(f"no Python {version} on this machine")


def small_zipapp(folder, files):
    path = folder / "x.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"site-packages/{name}", data)
    return str(path), {name: (hashlib.sha256(data).hexdigest(), len(data), 0o644) for name, data in files.items()}
