"""The interface of all lockfiles, whatever wrote them (builder/lockfiles has the kinds)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.pylock import Pylock

    from builder.project.project import UvSettings


@dataclass(frozen=True)
class Parts:
    """The parts of a project to bundle besides its dependencies: named extras and dependency groups, or all of them.

    ``python`` is the lowest Python version of the hosts, X.Y, for a lockfile that depends on it.
    """

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    all_extras: bool = False
    all_groups: bool = False
    python: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return bool(self.extras or self.groups or self.all_extras or self.all_groups)


NO_PARTS = Parts()


class Lockfile(Protocol):
    """A file that pins each package to bundle, and its digests.

    ``path`` is the file, absolute; ``project`` is the folder of the product, and ``others`` are those of packages that
    are bundled with it. ``read_with`` lists the other files that the build reads.
    """

    @property
    def path(self) -> Path: ...

    @property
    def project(self) -> Path: ...

    @property
    def others(self) -> tuple[Path, ...]: ...

    @property
    def read_with(self) -> tuple[Path, ...]: ...

    def read(self, parts: Parts) -> Pylock:
        """Return its packages, for every target. Raises UsageError or BuildError if it cannot be used."""
        ...

    def settings(self) -> UvSettings:
        """Return uv's settings for indexes and for builds from source."""
        ...

    def options(self) -> dict[str, Any]:
        """Return the command-line options that choose it, without their dashes; empty for a project's uv.lock."""
        ...
