"""The patterns of a profile that select a project's files."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.project.profile import Profile


def travels(path: str, profile: Profile) -> bool:
    """Return whether a profile's patterns select a path for the bundle."""
    chosen = not profile.include or matches(path, profile.include)
    return chosen and not matches(path, profile.exclude)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern matches a path: the path, a parent folder, or a glob in which * matches / too."""
    return any(
        path == pattern or path.startswith(f"{pattern.rstrip('/')}/") or fnmatchcase(path, pattern)
        for pattern in patterns
    )
