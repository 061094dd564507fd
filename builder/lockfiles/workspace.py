"""The uv workspace around a folder: where its lockfile lies, and which of its members are bundled."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName, canonicalize_name

from builder.lock.export import uv_environment
from builder.project.project import project_table
from builder.project.toml_file import read_toml
from shared.errors import UsageError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME_LIMIT = 60.0  # seconds
SHOWN = 20  # members listed in a message


@dataclass(frozen=True)
class Member:
    """A member of a workspace: its normalised name ('' if it has none) and its folder."""

    name: NormalizedName
    folder: Path


@dataclass(frozen=True)
class Workspace:
    """A project as uv finds it: the folder of its lockfile, and the members to bundle.

    The first of ``chosen`` is the product: its name, version, source and profile are those of the bundle. The others
    are bundled as wheels, as are the members that any of them depends on.
    """

    root: Path
    chosen: tuple[Member, ...]

    @property
    def project(self) -> Path:
        """The folder of the product."""
        return self.chosen[0].folder

    @property
    def others(self) -> tuple[Member, ...]:
        """The chosen members other than the product."""
        return self.chosen[1:]

    @property
    def packages(self) -> tuple[str, ...]:
        """The names to select in the lockfile; empty for the root project, which uv selects without a name."""
        alone = not self.others and self.project == self.root
        return () if alone else tuple(member.name for member in self.chosen)


def find_workspace(start: Path, packages: Sequence[str] = ()) -> Workspace:
    """Return the workspace that uv finds from a folder, with the members that ``packages`` names.

    Without names, the member is bundled whose folder ``start`` is in, or the root project. Raises UsageError if there
    is not a project, a name is not a member's, or a choice is necessary.
    """
    project = _nearest(start.resolve())
    if "workspace" not in _uv_table(project):
        project_table(project / "pyproject.toml")
    root, members = _found(project)
    if root is None:
        return _as_it_is(project, packages)
    here = [member for member in members if member.folder == project] or (members if len(members) == 1 else [])
    if packages:
        return Workspace(root, tuple(_named(name, members, root) for name in dict.fromkeys(packages)))
    if not here:
        what = _("{folder} is the root of a workspace and no package itself.").format(folder=project)
        raise _choice(what, members)
    return Workspace(root, (here[0],))


def with_commands(folder: Path) -> list[str]:
    """Return the names of the members of a folder's workspace that have commands, sorted; none without a workspace."""
    if not (folder / "pyproject.toml").is_file():
        return []
    _root, members = _found(folder)
    return [member.name for member in members if member.folder != folder and _has_commands(member.folder)]


def _has_commands(folder: Path) -> bool:
    table = read_toml(folder / "pyproject.toml").get("project") or {}
    return bool(table.get("scripts") or table.get("gui-scripts"))


def _nearest(start: Path) -> Path:
    """Return the folder of the nearest pyproject.toml, in a folder or above it. Raises UsageError if there is none."""
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    project_table(start / "pyproject.toml")
    return start


def _uv_table(folder: Path) -> dict[str, Any]:
    table = (read_toml(folder / "pyproject.toml").get("tool") or {}).get("uv")
    return table if isinstance(table, dict) else {}


def _as_it_is(project: Path, packages: Sequence[str]) -> Workspace:
    """Return a folder as a project of its own; uv rejects its pyproject.toml, and later steps report why."""
    if packages:
        raise UsageError(
            _("uv finds no workspace in {folder}.").format(folder=project),
            advice=_("Run `uv workspace list` in that folder and fix what it reports."),
        )
    return Workspace(project, (Member(canonicalize_name(""), project),))


def _found(project: Path) -> tuple[Path | None, list[Member]]:
    """Return the root of the workspace that uv finds, None if it finds none, and its members sorted by name."""
    root, listing = _ask(project, "dir"), _ask(project, "list", "--paths")
    if root is None or listing is None:
        return None, []
    members = [Member(_name_of(Path(line)), Path(line)) for line in listing.splitlines()]
    return Path(root), sorted(members, key=lambda member: member.name)


def _name_of(folder: Path) -> NormalizedName:
    table = read_toml(folder / "pyproject.toml").get("project") or {}
    return canonicalize_name(str(table.get("name", "")))


def _ask(folder: Path, *question: str) -> str | None:
    """Return what ``uv workspace`` prints in a folder, or None if it fails."""
    import uv

    argv = [uv.find_uv_bin(), "workspace", *question, "--offline"]
    done = process.run(argv, env=uv_environment(os.environ), cwd=folder, timeout=TIME_LIMIT)
    return done.stdout.strip("\r\n") if done.ok else None


def _named(name: str, members: Sequence[Member], root: Path) -> Member:
    wanted = canonicalize_name(name)
    for member in members:
        if member.name == wanted:
            return member
    raise _choice(_("{name} is not a package of the workspace in {folder}.").format(name=name, folder=root), members)


def _choice(what: str, members: Sequence[Member]) -> UsageError:
    """Return the error that names the members to choose from."""
    having = sorted(members, key=lambda member: not _has_commands(member.folder))  # those with commands first
    names = [member.name for member in having]
    shown = ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
    return UsageError(what, advice=_("Specify one of its packages with --package: {names}.").format(names=shown))
