"""Packages that come from folders: what uv.lock records of them and the exported pylock.toml does not.

That is their versions and, of those whose requirements only their backend knows, what they require. uv would have to
run these backends to compare them with its lockfile: it is read as it is, and their wheels are compared with it once
they are built.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import tomllib
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packaging.pylock import Pylock
    from packaging.requirements import Requirement

FOLDERS = ("editable", "directory")  # of source in uv.lock
SUFFIX = ".lock"  # of uv.lock, and of the lockfiles of scripts
KEYS = {"dependencies", "optional-dependencies"}
PLACES = {"editable", "directory", "path", "git", "url", "virtual", "workspace"}
_PLACE = re.compile(r'(?m)^source = \{ (?:editable|directory) = "([^"]*)" \}')  # as uv writes it
_EXTRA = re.compile(r"""\bextra == ['"]([^'"]+)['"]""")


@dataclass(frozen=True, order=True)
class Need:
    """One requirement, of a package or of its extra ('': of the package).

    ``versions`` is None if the lockfile records the required package's location instead.
    """

    name: NormalizedName
    extra: str
    versions: tuple[str, ...] | None


def with_versions(pylock: Pylock, root: Path) -> Pylock:
    """Return an export whose folders have their versions in uv.lock; dynamic ones have none in uv.lock either."""
    if not any(package.directory for package in pylock.packages):
        return pylock
    document: dict[str, Any] = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
    known = {
        package["name"]: Version(package["version"])
        for package in document.get("package", ())
        if "version" in package and not set(FOLDERS).isdisjoint(package.get("source", ()))
    }
    packages = [
        replace(package, version=known[package.name]) if package.directory and package.name in known else package
        for package in pylock.packages
    ]
    return replace(pylock, packages=packages)


def needs_in(lock: Path) -> dict[str, frozenset[Need]]:
    """Return the requirements that a uv lockfile records for each folder package with dynamic metadata.

    It is empty for other lockfiles, and for one that uv rejects.
    """
    text = ""
    if lock.suffix == SUFFIX:
        with suppress(OSError, ValueError):
            text = lock.read_text(encoding="utf-8")
    places = {place for place in _PLACE.findall(text) if _is_dynamic(lock.parent / place)}
    if not places:
        return {}  # parsing a large lockfile takes long
    document: dict[str, Any] = {}
    with suppress(ValueError):
        document = tomllib.loads(text)
    return {
        str(package["name"]): frozenset(map(_listed, package.get("metadata", {}).get("requires-dist", ())))
        for package in document.get("package", ())
        if not places.isdisjoint(package.get("source", {}).values())
    }


def need_of(requirement: Requirement) -> Need:
    """Return a requirement of a wheel as a lockfile has it."""
    return Need(
        canonicalize_name(requirement.name), _extra(str(requirement.marker or "")), _versions(requirement.specifier)
    )


def differing(said: frozenset[Need], locked: frozenset[Need]) -> list[str]:
    """Return the names of packages whose requirements in a wheel differ from the lockfile, sorted."""
    placed = {(need.name, need.extra) for need in locked if need.versions is None}

    def comparable(needs: frozenset[Need]) -> set[Need]:
        return {Need(need.name, need.extra, None) if (need.name, need.extra) in placed else need for need in needs}

    return sorted({need.name for need in comparable(said) ^ comparable(locked)})


def _listed(entry: Mapping[str, Any]) -> Need:
    versions = None if PLACES & entry.keys() else _versions(SpecifierSet(entry.get("specifier", "")))
    return Need(canonicalize_name(entry["name"]), _extra(entry.get("marker", "")), versions)


def _versions(specifiers: SpecifierSet) -> tuple[str, ...]:
    return tuple(sorted(map(str, specifiers)))


def _extra(marker: str) -> str:
    matched = _EXTRA.search(marker)
    return str(canonicalize_name(matched[1])) if matched else ""


def _is_dynamic(folder: Path) -> bool:
    """Return whether a folder's requirements are dynamic (PEP 621), so that only its backend can determine them."""
    try:
        table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project")
    except FileNotFoundError:
        return (folder / "setup.py").is_file()
    except (OSError, ValueError):
        return False
    return not isinstance(table, dict) or not KEYS.isdisjoint(table.get("dynamic") or ())
