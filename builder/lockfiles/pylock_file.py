"""``pylock.toml`` (PEP 751): a lockfile that any tool may have written, read as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError
from packaging.utils import canonicalize_name

from builder.project.project import UvSettings, read_uv_settings
from builder.project.toml_file import read_toml
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from builder.lock.lockfile import Parts

NAME = "pylock.toml"
NAMED = re.compile(r"pylock\.([^.]+\.)?toml")  # PEP 751, "File Name"


@dataclass(frozen=True)
class PylockFile:
    """A pylock.toml, and the project folder whose uv settings apply, if any."""

    path: Path
    root: Path

    @property
    def project(self) -> Path:
        return self.root

    @property
    def others(self) -> tuple[Path, ...]:
        return ()

    @property
    def read_with(self) -> tuple[Path, ...]:
        return project_file(self.root)

    def read(self, parts: Parts) -> Pylock:
        try:
            pylock = Pylock.from_dict(read_toml(self.path))
        except (PylockValidationError, PylockUnsupportedVersionError) as error:
            raise BuildError(
                _("{file} is not a valid pylock.toml: {reason}.").format(file=self.path, reason=error),
                advice=_("Write it again with the tool that locks the project."),
            ) from error
        self._require(parts.extras, pylock.extras, "extra")
        self._require(parts.groups, pylock.dependency_groups, "group")
        return pylock

    def settings(self) -> UvSettings:
        return settings_beside(self.root)

    def options(self) -> dict[str, Any]:
        return {"lock": str(self.path)}

    def _require(self, named: Iterable[str], known: Sequence[str] | None, option: str) -> None:
        """Raise UsageError unless the file has all the named extras or dependency groups."""
        there = {canonicalize_name(name) for name in known or ()}
        for name in named:
            if canonicalize_name(name) not in there:
                raise UsageError(
                    _("{file} has no {name} for --{option}.").format(file=self.path, name=name, option=option),
                    advice=_("Specify one that it has: {names}.").format(names=", ".join(known))
                    if known
                    else _("Omit the option; the file has none."),
                )


def project_file(root: Path) -> tuple[Path, ...]:
    """Return the pyproject.toml of a folder, if it has one."""
    path = root / "pyproject.toml"
    return (path,) if path.is_file() else ()


def settings_beside(root: Path) -> UvSettings:
    """Return uv's settings in a folder's pyproject.toml, or the default ones if it has none."""
    return read_uv_settings(root) if project_file(root) else UvSettings()
