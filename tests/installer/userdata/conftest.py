from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from installer.layout.prefix import Prefix
from shared.files import files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def empty(tmp_path: Path):
    prefix = Prefix(tmp_path / "prefix")
    prefix.make()
    (prefix.state / "lock").touch()
    yield prefix
    files.remove_tree(prefix.root)
