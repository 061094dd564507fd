"""The Python version of the hosts: the one that the command line names, or one that the project allows."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from builder.project.toml_file import read_toml
from bundle.target import PYTHONS, host_target
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

OPTION, INCLUDED, RUNNING, PINNED, REQUIRED = "option", "with-python", "running", "pinned", "required"
PIN = ".python-version"
HEAD = 4096  # bytes of a lockfile that contain its requires-python
_VERSION = re.compile(r"(3\.[0-9]{1,2})(\.[0-9]{1,2})?")
_PINNED = re.compile(rf"(?m)^(?:cpython[-@])?{_VERSION.pattern}\s*$")
_LOCKED = re.compile(r'(?m)^requires-python = "([^"]*)"')


@dataclass(frozen=True)
class HostsPython:
    """The Python versions of the hosts, what determined them (one of the constants above), and a sentence about it."""

    versions: tuple[str, ...]
    origin: str
    reason: str

    def __str__(self) -> str:
        return _("Python on the hosts: {versions}, {reason}").format(
            versions=", ".join(self.versions), reason=self.reason
        )

    def to_json(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        return {"versions": list(self.versions), "origin": self.origin}


def hosts_python(asked: Sequence[str], included: str | None, project: Path, root: Path) -> HostsPython:
    """Return the hosts' Python versions.

    They are the versions asked for, else that of the Python to include. Else it is the version that runs the builder,
    unless requires-python excludes it; then the one that .python-version names, or the oldest that is allowed.
    ``project`` is the folder of the project, ``root`` that of its lockfile.
    """
    if asked:
        return HostsPython(tuple(asked), OPTION, _("as --python specifies"))
    brought = _VERSION.fullmatch(included or "")
    if brought:
        return HostsPython((brought[1],), INCLUDED, _("as --with-python specifies"))
    required = list(_required(project, root))
    fits = [python for python in PYTHONS if _allowed(python, required)]
    running, pinned = host_target().python, pin(project, root)
    if running in fits or not fits:
        return HostsPython((running,), RUNNING, _running(running, pinned if pinned in fits else None))
    version, origin = (pinned, PINNED) if pinned in fits else (fits[0], REQUIRED)
    said = {
        PINNED: _("as .python-version specifies; requires-python ({required}) excludes {running}"),
        REQUIRED: _("the oldest that requires-python ({required}) includes; it excludes {running}"),
    }
    text = ",".join(dict.fromkeys(map(str, filter(None, required))))
    return HostsPython((str(version),), origin, said[origin].format(running=running, required=text))


def _running(running: str, pinned: str | None) -> str:
    if pinned is None or pinned == running:
        return _("the one that runs the builder")
    return _("the one that runs the builder; for the project's own choice, specify --python {pinned}").format(
        pinned=pinned
    )


def pin(project: Path, root: Path) -> str | None:
    """Return the CPython version (X.Y) that a project pins, in its folder or one above up to its lockfile, if any."""
    for folder in (project, *project.parents):
        file = folder / PIN
        if file.is_file():
            found = _PINNED.search(file.read_text(encoding="utf-8", errors="replace"))
            return found[1] if found else None
        if folder == root:
            break
    return None


def _required(project: Path, root: Path) -> Iterator[SpecifierSet]:
    """Yield what the project's pyproject.toml and its lockfile require; whatever is invalid is reported later."""
    with suppress(UsageError, KeyError, TypeError, InvalidSpecifier):
        yield SpecifierSet(read_toml(project / "pyproject.toml")["project"]["requires-python"])
    with suppress(OSError, InvalidSpecifier), (root / "uv.lock").open("rb") as file:
        found = _LOCKED.search(file.read(HEAD).decode("utf-8", "replace"))
        yield SpecifierSet(found[1] if found else "")


def _allowed(python: str, required: Sequence[SpecifierSet]) -> bool:
    """Return whether any patch release of a minor version meets every requirement."""
    patches = [f"{python}.{patch}" for patch in range(100)]
    return any(all(one.contains(patch) for one in required) for patch in patches)
