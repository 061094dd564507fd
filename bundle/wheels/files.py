"""The installed paths and digests of a wheel's files, read from the wheel itself.

Paths are those of the installed tree, with slashes; digests are those of the wheel's RECORD, so that a caller that
trusts the wheel's own digest need not trust any installed file. These rules alone determine what an installer writes:

1. ``.data`` folders are spread (PyPA: binary distribution format); scripts get this platform's first lines.
2. A console script is generated from the module and function of its entry point, and from nothing else.
3. INSTALLER and REQUESTED have fixed contents; those of RECORD and uv_cache.json (the wheel's time) are unknown.
"""

from __future__ import annotations

import configparser
import csv
import hashlib
import re
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.wheels.record import hex_of, normalised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

# the first lines of a script in an environment without absolute paths (uv venv --relocatable)
HEAD = b"""\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"
' '''
"""
SCRIPT = """\
# -*- coding: utf-8 -*-
import sys
from {module} import {first}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({function}())
"""
# the same for a script that declares its encoding, in which the shell's line must be valid too: the name of the
# interpreter is written without letters
CODED_HEAD = b"""\
#!/bin/sh
# coding: %s
'''exec' "$(dirname -- "$(realpath -- "$0")")"/"$(printf %%b %s)" "$0" "$@"
' '''
"""
CODED_PYTHON = b"".join(rb"'\'%04o" % letter + b" " for letter in b"python").rstrip()
WRITTEN = {"INSTALLER": b"uv", "REQUESTED": b""}
NOTES = ("RECORD", "uv_cache.json")
_STARTS = "starts "  # before the digest of a script: its program is made by the installer
MADE = ""  # in place of a digest: the installer wrote the file, and nothing signed determines its bytes
_PYTHON = re.compile(rb"#!python[^\n]*\n")
_CODING = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263, on the line after the first
_ENTRY = re.compile(r"\s*([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?\s*")


@dataclass(frozen=True)
class Environment:
    """A virtual environment: its path in a release, and its Python version, for example 3.11.

    ``is_windows`` is whether its host runs Windows; by default this one.
    """

    root: str
    python: str
    is_windows: bool = sys.platform == "win32"

    @property
    def site(self) -> str:
        folder = "Lib" if self.is_windows else f"lib/python{self.python}"
        return f"{self.root}/{folder}/site-packages"

    @property
    def scripts(self) -> str:
        return f"{self.root}/Scripts" if self.is_windows else f"{self.root}/bin"

    def headers(self, package: str) -> str:
        folder = "Include" if self.is_windows else f"include/site/python{self.python}"
        return f"{self.root}/{folder}/{package}"


def expected(file: BinaryIO, environment: Environment) -> dict[str, str]:
    """Return the SHA-256 (or MADE) of every file that installing a wheel writes, by path.

    Raises ValueError, or an error of zipfile, csv or configparser, if the wheel cannot be read.
    """
    return {path: MADE if content.startswith(_STARTS) else content for path, content in written(file, environment)}


def written(file: BinaryIO, environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield path and content of every file that installing a wheel writes: two with the same content are the same.

    The content is the file's SHA-256, MADE, or, for a program that starts a script on Windows, that of the script.
    Raises the errors of ``expected``. uv writes what is named later over what is named before.
    """
    with zipfile.ZipFile(file) as wheel:
        info = next(
            name[: -len("RECORD")] for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)
        )
        rows = csv.reader(wheel.read(f"{info}RECORD").decode("utf-8").splitlines())
        for member, digest in ((row[0], row[1]) for row in rows if len(row) == 3):
            place, is_script = _place(member, info, environment)
            if is_script:
                place, content = _script(wheel.read(member), place, environment)
                yield place, content or hex_of(digest) or MADE
            else:
                yield place, hex_of(digest) or MADE
        yield from _entry_scripts(wheel, info, environment)
    for name, data in WRITTEN.items():
        yield f"{environment.site}/{info}{name}", hashlib.sha256(data).hexdigest()
    for name in NOTES:
        yield f"{environment.site}/{info}{name}", MADE


def _place(member: str, info: str, environment: Environment) -> tuple[str, bool]:
    """Return the installed path of a wheel's member, and whether it is a script."""
    start = info.replace(".dist-info/", ".data/")
    if not member.startswith(start):
        return f"{environment.site}/{member}", False
    kind, _slash, inner = member[len(start) :].partition("/")
    folders = {
        "purelib": environment.site,
        "platlib": environment.site,
        "scripts": environment.scripts,
        "headers": environment.headers(normalised(info.partition("-")[0])),
        "data": environment.root,
    }
    if kind not in folders:
        raise ValueError(member)
    return f"{folders[kind]}/{inner}", kind == "scripts"


def _script(data: bytes, place: str, environment: Environment) -> tuple[str, str | None]:
    """Return the installed path of a script and its content there, or None if it is installed unchanged."""
    first = _PYTHON.match(data)
    if first is None:
        return place, None
    body = data[first.end() :]
    if environment.is_windows:
        return f"{place}.exe", _STARTS + hashlib.sha256(data).hexdigest()
    coding = _CODING.match(body)
    head = CODED_HEAD % (coding[1], CODED_PYTHON) if coding else HEAD
    return place, hashlib.sha256(head + body).hexdigest()


def _entry_scripts(wheel: zipfile.ZipFile, info: str, environment: Environment) -> Iterator[tuple[str, str]]:
    if f"{info}entry_points.txt" not in wheel.namelist():
        return
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(wheel.read(f"{info}entry_points.txt").decode("utf-8"))
    for section in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(section) if parser.has_section(section) else ():
            matched = _ENTRY.fullmatch(value)
            if matched is None:
                raise ValueError(value)
            text = SCRIPT.format(module=matched[1], first=matched[2].partition(".")[0], function=matched[2])
            if environment.is_windows:
                kind = hashlib.sha256(f"{section} {text}".encode()).hexdigest()
                yield f"{environment.scripts}/{name}.exe", _STARTS + kind
            else:
                yield f"{environment.scripts}/{name}", hashlib.sha256(HEAD + text.encode()).hexdigest()
