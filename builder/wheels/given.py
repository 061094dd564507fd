"""Wheels that the user built elsewhere (--wheel), in place of builds from source on this machine."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, canonicalize_version, parse_wheel_filename

from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from builder.lock.locked import LockedSource
    from bundle.target import Target


def require_wanted(wheels: Sequence[Path], sources: Iterable[LockedSource]) -> None:
    """Raise UsageError for a file that is not a wheel, or that no package built from source would use."""
    wanted = {canonicalize_name(source.name): source.version for source in sources}
    for path in wheels:
        try:
            name, version, _build, _tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise UsageError(
                _("{file} does not have the file name of a wheel.").format(file=path),
                advice=_("Specify a wheel as its build created it, with --wheel."),
            ) from error
        if not path.is_file():
            raise UsageError(_("{file} is not a file.").format(file=path), advice=_("Specify an existing wheel."))
        if not zipfile.is_zipfile(path):
            raise UsageError(
                _("{file} is not a wheel.").format(file=path), advice=_("Copy it again from where it was built.")
            )
        if name not in wanted:
            raise UsageError(
                _("{file} is not used: the lockfile has no package {name} that is built from source.").format(
                    file=path, name=name
                ),
                advice=_("Omit it; the lockfile determines the wheels of all other packages."),
            )
        locked = wanted[name]
        if locked and canonicalize_version(locked) != canonicalize_version(version):
            raise UsageError(
                _("{file} is {name} {found}, but the lockfile has {locked}.").format(
                    file=path, name=name, found=version, locked=locked
                ),
                advice=_("Specify a wheel of that version."),
            )


def choose(source: LockedSource, target: Target, wheels: Sequence[Path]) -> Path | None:
    """Return the best of the wheels for a source and a target; one that does not fit if none does; None without any."""
    ranks = {str(tag): rank for rank, tag in enumerate(target.tags())}

    def rank(path: Path) -> int:
        return min(ranks.get(str(tag), len(ranks)) for tag in parse_wheel_filename(path.name)[3])

    own = [path for path in wheels if parse_wheel_filename(path.name)[0] == canonicalize_name(source.name)]
    return min(own, key=rank, default=None)
