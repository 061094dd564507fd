"""Read a project's pyproject.toml (PEP 621) and layout: name, version, uv settings, packages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.project.toml_file import read_toml
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path


STRICT = ("hatchling", "uv_build", "flit_core", "setuptools", "pdm")  # backends by their module


@dataclass(frozen=True)
class Project:
    """The identity of a project: normalised name (PEP 503), version (PEP 440), and requires-python or ''.

    A dynamic version is '': it is the one of the wheel, once that is built.
    """

    name: str
    version: str
    requires_python: str


@dataclass(frozen=True)
class Index:
    """A package index (tool.uv.index): its name, URL, and the options that define when and how uv queries it."""

    name: str
    url: str = field(repr=False)
    default: bool = False
    explicit: bool = False
    authenticate: str = "auto"


@dataclass(frozen=True)
class UvSettings:
    """The uv settings of pyproject.toml that also apply to builds from source.

    ``overrides`` is whether any requirement of a package may be overridden.
    """

    indexes: tuple[Index, ...] = ()
    keyring_provider: str = "disabled"
    build_constraints: tuple[str, ...] = ()
    overrides: bool = False


def read_uv_settings(root: Path, project: Path | None = None) -> UvSettings:
    """Return the settings of [tool.uv] in a workspace's root, and the indexes of a member with sources of its own."""
    found = uv_settings_of(read_toml(root / "pyproject.toml"))
    if project is None:
        return found
    more = uv_settings_of(read_toml(project / "pyproject.toml")).indexes
    return replace(found, indexes=tuple(dict.fromkeys([*found.indexes, *more])))


def uv_settings_of(document: dict[str, Any]) -> UvSettings:
    """Return the settings of [tool.uv]; uv rejects malformed ones when it reads a lockfile of its own."""
    tool = document.get("tool")
    table = tool.get("uv") if isinstance(tool, dict) else None
    table = table if isinstance(table, dict) else {}
    indexes = tuple(
        Index(
            name=str(entry.get("name", "")),
            url=str(entry["url"]),
            default=bool(entry.get("default")),
            explicit=bool(entry.get("explicit")),
            authenticate=str(entry.get("authenticate", "auto")),
        )
        for entry in table.get("index") or ()
        if isinstance(entry, dict) and "url" in entry
    )
    return UvSettings(
        indexes=indexes,
        keyring_provider=str(table.get("keyring-provider", "disabled")),
        build_constraints=tuple(map(str, table.get("build-constraint-dependencies") or ())),
        overrides=any(table.get(key) for key in ("override-dependencies", "exclude-dependencies")),
    )


def read_project(project_root: Path) -> Project:
    """Return the name, version and requires-python of a project (PEP 621). Raises UsageError if they are invalid."""
    path = project_root / "pyproject.toml"
    table = project_table(path)
    dynamic = "version" in (table.get("dynamic") or ())
    for key in ("name", *(() if dynamic else ("version",))):
        if not isinstance(table.get(key), str):
            raise UsageError(
                _("{file} has no project.{key}.").format(file=path, key=key),
                advice=_("Add it; a bundle needs a name and a version."),
            )
    requires = table.get("requires-python", "")
    try:
        SpecifierSet(requires)
        name = canonicalize_name(table["name"], validate=True)
        return Project(str(name), "" if dynamic else str(Version(table["version"])), requires)
    except (InvalidName, InvalidVersion, InvalidSpecifier, AttributeError) as error:
        raise UsageError(
            _("{file} cannot be used: {reason}.").format(file=path, reason=error),
            advice=_("Fix name, version or requires-python in its project table."),
        ) from error


def project_table(path: Path) -> dict[str, Any]:
    """Return the [project] table of a pyproject.toml. Raises UsageError if the file or table is missing."""
    if not path.is_file():
        raise UsageError(
            _("{folder} is not a Python project: it has no pyproject.toml.").format(folder=path.parent),
            advice=_("Specify the folder of a uv-locked project with --project-root."),
        )
    table = read_toml(path).get("project")
    if not isinstance(table, dict):
        raise UsageError(
            _("{file} has no project table.").format(file=path),
            advice=_("Add a [project] table with name and version."),
        )
    return table


def direct_requirements(project_root: Path) -> dict[str, set[str]]:
    """Return the packages that a project requires itself, each with its extras; none without a project table."""
    found: dict[str, set[str]] = {}
    try:
        table = project_table(project_root / "pyproject.toml")
    except UsageError:  # a script, or a folder with a lockfile alone
        return found
    for line in table.get("dependencies") or ():
        try:
            one = Requirement(str(line))
        except InvalidRequirement:
            continue  # uv reports it when it reads the lockfile
        found[str(canonicalize_name(one.name))] = one.extras
    return found


def is_package(project_root: Path) -> bool:
    """Return whether uv installs a project: as tool.uv.package specifies, else if it has a build system."""
    path = project_root / "pyproject.toml"
    table = read_toml(path) if path.is_file() else {}
    said = ((table.get("tool") or {}).get("uv") or {}).get("package")
    return bool("build-system" in table if said is None else said)


def may_have_commands(project_root: Path) -> bool:
    """Return whether the wheel of a project without project.scripts may have commands after all.

    A field that is neither stated nor dynamic is empty (PEP 621), which the backends of STRICT obey; packages with a
    ``__main__`` run with -m.
    """
    document = read_toml(project_root / "pyproject.toml")
    dynamic = (document.get("project") or {}).get("dynamic") or ()
    backend = str((document.get("build-system") or {}).get("build-backend", "")).partition(".")[0]
    runs = any(next(project_root.glob(f"{above}__main__.py"), None) for above in ("*/", "*/*/", "*/*/*/"))
    return bool({"scripts", "gui-scripts", "entry-points"} & set(dynamic) or backend not in STRICT or runs)


def has_src_layout(project_root: Path) -> bool:
    """Return whether a project has a src folder that is not a package itself."""
    return (project_root / "src").is_dir() and not (project_root / "src" / "__init__.py").is_file()


def top_level_packages(folder: Path, project_name: str | None, scripts: dict[str, str]) -> list[str]:
    """Return the top-level packages and modules of a folder that belong to a project.

    Without ``project_name``, return all of them (src layout); otherwise only those with the project's name or a
    script's target, because tests and tools may also be next to pyproject.toml.
    """
    found = {path.parent.name for path in folder.glob("*/__init__.py")}
    found |= {path.stem for path in folder.glob("*.py")}
    if project_name is not None:
        wanted = {re.split(r"[.:]", str(target))[0].strip() for target in scripts.values()}
        found &= wanted | {project_name.replace("-", "_")}
    return sorted(name for name in found if name.isidentifier())
