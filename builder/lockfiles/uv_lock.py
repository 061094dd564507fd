"""``uv.lock``: the lockfile of a project or a workspace, exported by uv."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from builder.lock.export import FROZEN, WITHOUT_DEV, read_pylock
from builder.lock.folders import with_versions
from builder.lockfiles.foreign import require_uv_lock
from builder.lockfiles.workspace import Member, Workspace
from builder.project.project import read_uv_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packaging.pylock import Pylock

    from builder.lock.lockfile import Parts
    from builder.project.project import UvSettings

NAME = "uv.lock"


@dataclass(frozen=True)
class UvLock:
    """The lockfile of a folder, or of a workspace with the members to bundle.

    With ``frozen``, it is used even if pyproject.toml has changed since it was written.
    """

    place: Path | Workspace
    frozen: bool = False

    @property
    def workspace(self) -> Workspace:
        """The workspace; a folder is one of a single member without a name."""
        if isinstance(self.place, Workspace):
            return self.place
        root = self.place.resolve()
        return Workspace(root, (Member(canonicalize_name(""), root),))

    @property
    def path(self) -> Path:
        return self.workspace.root / NAME

    @property
    def project(self) -> Path:
        return self.workspace.project

    @property
    def others(self) -> tuple[Path, ...]:
        return tuple(member.folder for member in self.workspace.others)

    @property
    def read_with(self) -> tuple[Path, ...]:
        members = [member.folder for member in self.workspace.chosen]
        return tuple(folder / "pyproject.toml" for folder in dict.fromkeys((self.workspace.root, *members)))

    def read(self, parts: Parts) -> Pylock:
        root = self.workspace.root
        require_uv_lock(root)
        chosen = [*_selected(parts), *(f"--package={name}" for name in self.workspace.packages)]
        if self.frozen:  # folders are built as they are, whatever version the lockfile has of them
            return read_pylock(root, [*chosen, *FROZEN])
        return with_versions(read_pylock(root, chosen), root)

    def settings(self) -> UvSettings:
        return read_uv_settings(self.workspace.root, self.workspace.project)

    def options(self) -> dict[str, Any]:
        packages = {"packages": list(self.workspace.packages)} if self.workspace.packages else {}
        return {**packages, **({"frozen": True} if self.frozen else {})}


def _selected(parts: Parts) -> Iterator[str]:
    """Yield uv's options for the parts: the group dev is uv's default, but hosts do not need it."""
    yield from () if parts.all_groups or "dev" in parts.groups else WITHOUT_DEV
    yield from ["--all-extras"] if parts.all_extras else []
    yield from ["--all-groups"] if parts.all_groups else []
    yield from (f"--extra={name}" for name in parts.extras)
    yield from (f"--group={name}" for name in parts.groups)
