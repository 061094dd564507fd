from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "Some_App"\nversion = "1.0"\n')
    (folder / "cli.py").write_text("")
    (folder / ".env.example").write_text("API_KEY=\nLEVEL=info\n")
    return folder
