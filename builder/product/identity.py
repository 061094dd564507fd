"""The product's name and version: taken from the user, else the project, else the profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.project.project import Project, project_table, read_project
from builder.project.toml_file import read_toml
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from builder.project.profile import Profile


@dataclass(frozen=True)
class Said:
    """The name and version that the user gives the product, each None if the project or the profile has it."""

    name: str | None = None
    version: str | None = None


UNSAID = Said()


def said(name: str | None, version: str | None) -> Said:
    """Return a name and a version in their normal forms. Raises UsageError if one is invalid."""
    try:
        normal = None if name is None else str(canonicalize_name(name, validate=True))
    except InvalidName as error:
        raise UsageError(
            _("{name} is not a valid product name.").format(name=repr(name)),
            advice=_("Use letters, digits and '-', '_' or '.' between them."),
        ) from error
    try:
        return Said(normal, None if version is None else str(Version(version)))
    except InvalidVersion as error:
        raise UsageError(
            _("{version} is not a valid version.").format(version=repr(version)),
            advice=_("Use a version such as 1.2.3 (PEP 440)."),
        ) from error


def has_table(root: Path) -> bool:
    """Return whether a folder has a pyproject.toml with a project table."""
    path = root / "pyproject.toml"
    return path.is_file() and isinstance(read_toml(path).get("project"), dict)


def product_of(root: Path, given: Said, profile: Profile) -> Project:
    """Return the product that a folder is built into.

    Raises UsageError if the project table is invalid, or nothing has the version.
    """
    table: dict[str, Any] = project_table(root / "pyproject.toml") if has_table(root) else {}
    own = None if "version" in (table.get("dynamic") or ()) else table.get("version")
    version = given.version or own or profile.version
    if table and (version is None or (version == own and not given.name)):
        return read_project(root)
    if version is None:
        raise UsageError(
            _("Neither {folder} nor its profile has a version of the product.").format(folder=root),
            advice=_("Specify it with --product-version, or as version in the profile."),
        )
    found = said(given.name or table.get("name") or profile.title, version)
    return Project(found.name or "", found.version or "", "")
