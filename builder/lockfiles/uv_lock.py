"""``uv.lock``: the lockfile of a project, exported by uv."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.lock.export import FROZEN, WITHOUT_DEV, read_pylock
from builder.lockfiles.foreign import require_uv_lock
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
    """The lockfile of a project's folder. With ``frozen``, it is used even if pyproject.toml has changed since."""

    root: Path
    frozen: bool = False

    @property
    def path(self) -> Path:
        return self.root.resolve() / NAME

    @property
    def read_with(self) -> tuple[Path, ...]:
        return (self.path.parent / "pyproject.toml",)

    def read(self, parts: Parts) -> Pylock:
        require_uv_lock(self.path.parent)
        return read_pylock(self.path.parent, [*_selected(parts), *(FROZEN if self.frozen else ())])

    def settings(self) -> UvSettings:
        return read_uv_settings(self.path.parent)

    def options(self) -> dict[str, str | bool]:
        return {"frozen": True} if self.frozen else {}


def _selected(parts: Parts) -> Iterator[str]:
    """Yield uv's options for the parts: the group dev is uv's default, but hosts do not need it."""
    yield from () if parts.all_groups or "dev" in parts.groups else WITHOUT_DEV
    yield from ["--all-extras"] if parts.all_extras else []
    yield from ["--all-groups"] if parts.all_groups else []
    yield from (f"--extra={name}" for name in parts.extras)
    yield from (f"--group={name}" for name in parts.groups)
