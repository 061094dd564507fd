"""Version and requirements of the builder's wheel, from the project that it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomllib
from hatchling.metadata.plugin.interface import MetadataHookInterface

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


class BuilderMetadata(MetadataHookInterface):
    """The builder needs what runs on a closed host, and the group ``builder``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the fields that pyproject.toml declares as dynamic."""
        project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
        metadata["version"] = project["project"]["version"]
        metadata["dependencies"] = [*project["project"]["dependencies"], *project["dependency-groups"]["builder"]]
