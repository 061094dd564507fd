"""The product has one version, in two places."""

from __future__ import annotations

from pathlib import Path

import tomllib

from shared import __version__


def test_the_project_and_the_installer_have_the_same_version() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
