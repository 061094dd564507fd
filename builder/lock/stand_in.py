"""The interpreter that uv reads a lockfile with: the builder's own, under whatever version the project requires.

Nothing of the project runs while its lockfile is read, but uv refuses an interpreter that requires-python excludes.
So that no other Python must be installed for it, a script then gives uv the description of the builder's own
interpreter, with the version replaced.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bundle.target import PYTHONS
from shared.programs.uv import base_interpreter

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.specifiers import SpecifierSet

LAST_PATCH = 99  # the highest patch release that is offered
# run by the builder's interpreter: its arguments are a version, and the arguments that uv passes to an interpreter
_DESCRIBE = """\
import json, subprocess, sys
version, *arguments = sys.argv[1:]
answer = json.loads(subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, check=True).stdout)
minor = ".".join(version.split(".")[:2])
answer["markers"].update(python_version=minor, python_full_version=version, implementation_version=version)
print(json.dumps(answer))
"""


def fitting(required: SpecifierSet) -> str | None:
    """Return a version of CPython that a requirement includes, or None if it includes none that is supported."""
    versions = (f"{python}.{patch}" for python in PYTHONS for patch in range(LAST_PATCH + 1))
    return next(iter(required.filter(versions)), None)


def stand_in(version: str, folder: Path) -> Path:
    """Write a script to a folder that describes the builder's own interpreter to uv as a version of CPython.

    It is a shell script, so it does not work on Windows.
    """
    script = folder / f"python{version}"
    command = shlex.join([str(base_interpreter()), "-I", "-B", "-c", _DESCRIBE, version])
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8", errors="surrogateescape")
    script.chmod(0o755)
    return script
