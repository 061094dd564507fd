"""A host with control groups, as a container or a service has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.processes import cgroups

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def control_groups(folder: Path, patch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
    """Return a function that says in which group this process is, and which settings there are by their paths."""
    patch.setattr(cgroups, "CGROUPS", folder / "cgroup")
    patch.setattr(cgroups, "OWN", folder / "own")

    def make(own: str, settings: dict[str, str]) -> None:
        (folder / "own").write_text(own)
        for path, text in settings.items():
            file = folder / "cgroup" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return make
