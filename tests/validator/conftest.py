from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.installed import make_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    """A small complete installation."""
    return make_prefix(tmp_path)
