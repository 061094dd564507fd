"""The [build-system] table of a source tree (PEP 517, 518), and whether its version is set there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomllib

from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

LEGACY, LEGACY_REQUIRES = "setuptools.build_meta:__legacy__", ("setuptools>=40.8.0",)  # PEP 517; as uv has it


@dataclass(frozen=True)
class BuildSystem:
    """The backend of a source tree, what it requires, and the folders of the tree that contain the backend itself.

    ``version_is_set`` is whether pyproject.toml has the version; without it, the backend may need the history.
    """

    requires: tuple[str, ...] = LEGACY_REQUIRES
    backend: str = LEGACY
    backend_path: tuple[str, ...] = ()
    version_is_set: bool = False


def read_build_system(tree: Path) -> BuildSystem:
    """Return the build system of a source tree. Raises BuildError if its pyproject.toml cannot be used."""
    path = tree / "pyproject.toml"
    if not path.is_file():
        return BuildSystem()
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
        table: Any = document.get("build-system", {"requires": list(LEGACY_REQUIRES)})
        requires, inner = table["requires"], table.get("backend-path", [])
        backend = table.get("build-backend", LEGACY)
        if not isinstance(backend, str) or not all(isinstance(item, str) for item in (*requires, *inner)):
            raise TypeError("build-system")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(
            _("{file} has no valid build-system table: {reason}.").format(file=path.name, reason=error),
            advice=_("Fix it; `uv build` needs it too."),
        ) from error
    project = document.get("project")
    is_set = isinstance(project, dict) and isinstance(project.get("version"), str)
    scripted = "poetry-dynamic-versioning" in (document.get("tool") or {})
    return BuildSystem(tuple(requires), backend, tuple(inner), is_set and not scripted)
