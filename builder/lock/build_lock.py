"""ragtrace-build.lock: the wheels that satisfy the build requirements of packages, resolved once, with their hashes.

uv.lock does not contain what a package's own backend needs. The file is next to it, in every bundle and in the hands
of ``rebuild``; one resolution serves every package that requires the same on the same platform and Python.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.fetch.credentials import redact
from builder.lock.locked import LockedWheel
from builder.project.toml_file import parse_toml, quoted
from bundle.digest import sha256_bytes
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NAME = "ragtrace-build.lock"
VERSION = 1
HEAD = """\
# What the backends of packages that are built from source require, resolved once by the builder.
# Commit this file; remove it to have everything resolved again.
"""


@dataclass(frozen=True, order=True)
class Asked:
    """What a build requires: requirements and constraints (PEP 508), and where: platform and Python (X.Y)."""

    requires: tuple[str, ...]
    constraints: tuple[str, ...]
    platform: str
    python: str


@dataclass(frozen=True, order=True)
class Resolution:
    """The wheels that satisfy what a build requires, and the UTC time at which they were chosen."""

    asked: Asked
    resolved: str
    wheels: tuple[LockedWheel, ...]

    @property
    def digest(self) -> str:
        """The SHA-256 of the names and hashes of the wheels."""
        return sha256_bytes(json.dumps([[wheel.filename, wheel.sha256] for wheel in self.wheels]).encode())


class BuildLock:
    """The resolutions that are known, read from a file or found in this run."""

    def __init__(self, known: Iterable[Resolution] = ()) -> None:
        self.known = {one.asked: one for one in known}
        self.new = False

    def find(self, asked: Asked) -> Resolution | None:
        return self.known.get(asked)

    def add(self, resolution: Resolution) -> None:
        self.known[resolution.asked] = resolution
        self.new = True


def read_build_lock(path: Path) -> BuildLock:
    """Return the resolutions of a file, none if there is no file. Raises UsageError or BuildError if it is invalid."""
    return parse_build_lock(path.read_bytes(), path) if path.is_file() else BuildLock()


def parse_build_lock(data: bytes, path: Path) -> BuildLock:
    """Return the resolutions in the bytes of a file. Raises UsageError or BuildError if they are invalid."""
    value = parse_toml(data, path)
    try:
        if value["version"] != VERSION:
            raise BuildError(
                _("{file} has format {version}, which this builder does not support.").format(
                    file=path, version=value["version"]
                ),
                advice=_("Use a current builder, or remove the file to have the requirements resolved again."),
            )
        return BuildLock(map(_read, value.get("resolution", [])))
    except (KeyError, TypeError, AttributeError) as error:
        raise BuildError(
            _("{file} is not a valid record of build requirements: {reason}.").format(file=path, reason=repr(error)),
            advice=_("Restore it, or remove it to have the requirements resolved again."),
        ) from error


def _read(value: dict[str, Any]) -> Resolution:
    asked = Asked(tuple(value["requires"]), tuple(value["constraints"]), str(value["platform"]), str(value["python"]))
    return Resolution(asked, str(value["resolved"]), tuple(sorted(map(_wheel, value["wheels"]))))


def _wheel(value: dict[str, Any]) -> LockedWheel:
    texts = [value[name] for name in ("file", "name", "version", "url", "sha256")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("wheels")
    file, name, version, url, sha256 = texts
    return LockedWheel(file, name, version, url, value.get("size"), sha256)


def write_build_lock(resolutions: Iterable[Resolution]) -> bytes:
    """Return the file of resolutions, sorted; it contains no credentials."""
    return "\n".join(
        [f"{HEAD}version = {VERSION}", *map("\n".join, map(_lines, sorted(set(resolutions)))), ""]
    ).encode()


def _lines(one: Resolution) -> Iterator[str]:
    yield "\n[[resolution]]"
    yield f"requires = {_texts(one.asked.requires)}"
    yield f"constraints = {_texts(one.asked.constraints)}"
    yield f"platform = {quoted(one.asked.platform)}"
    yield f"python = {quoted(one.asked.python)}"
    yield f"resolved = {quoted(one.resolved)}"
    yield "wheels = ["
    for wheel in one.wheels:
        said = {"file": wheel.filename, "name": wheel.name, "version": wheel.version, "url": redact(wheel.url)}
        size = "" if wheel.size is None else f", size = {wheel.size}"
        texts = ", ".join(f"{key} = {quoted(text)}" for key, text in said.items())
        yield f"    {{ {texts}{size}, sha256 = {quoted(wheel.sha256)} }},"
    yield "]"


def _texts(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"
