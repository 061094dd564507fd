"""The state of a lockfile for each target: wheels, packages to build from source, and missing packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.lock.gaps import MissingWheelsError
from builder.lock.installer_wheels import choose_wheels
from builder.lock.lock import select_wheels
from bundle.target import FREE_THREADED
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.pylock import Pylock

    from builder.lock.gaps import Gap
    from builder.lock.lock import Lock, Selection
    from bundle.target import Target


@dataclass(frozen=True)
class Standing:
    """The state of a lockfile for a target: a selection, or the error that explains why there is none."""

    target: Target
    selection: Selection | None
    error: BuildError | None = None

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return self.error.gaps if isinstance(self.error, MissingWheelsError) else ()

    @property
    def required(self) -> Selection:
        """The selection. Raises the stored error if there is none."""
        if self.selection is None:
            raise self.error or BuildError("")
        return self.selection

    @property
    def wheel_bytes(self) -> int:
        """The total size in bytes of the wheels whose size is in the lockfile."""
        return sum(wheel.size or 0 for wheel in self.selection.wheels) if self.selection else 0

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target.to_json(),
            "complete": self.selection is not None,
            "wheels": len(self.selection.wheels) if self.selection else 0,
            "bytes": self.wheel_bytes,
            "from_source": [source.name for source in self.selection.sources] if self.selection else [],
            "python_range": self.selection.python_range if self.selection else None,
            "missing": [{"name": gap.name, "version": gap.version, "reason": gap.reason} for gap in self.gaps],
            "error": self.error.what if self.error else None,
        }


def survey(lock: Lock, targets: Iterable[Target], *, build: bool = True) -> list[Standing]:
    """Return the state of the lockfile for each target; ``build`` as in ``select_wheels``."""
    return [_standing(lock, target, build=build) for target in targets]


def _standing(lock: Lock, target: Target, *, build: bool) -> Standing:
    try:
        return Standing(target, select_wheels(lock, target, build=build))
    except BuildError as error:
        return Standing(target, None, error)


def require_whole(standings: Sequence[Standing]) -> None:
    """Raise a single BuildError if any target is incomplete, with a line for each incomplete one."""
    errors = [standing.error for standing in standings if standing.error]
    if len(errors) > 1:
        raise BuildError(*(error.what for error in errors), advice=errors[0].advice)
    if errors:
        raise errors[0]


def why_no_installer(installer: Pylock, target: Target) -> str:
    """Return the reason why no installer can be built for a target, or ''."""
    if target.python in FREE_THREADED:
        return _("the installer does not run on free-threaded Python")
    try:
        choose_wheels(installer, target)
    except BuildError as error:
        return error.what
    return ""
