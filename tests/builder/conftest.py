from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_export() -> Path:
    """Return the export of real advisories that RAGTRACE_TEST_OSV names."""
    named = os.environ.get("RAGTRACE_TEST_OSV", "")
    if not named or not Path(named).is_file():
        pytest.skip("RAGTRACE_TEST_OSV names no export of advisories")
    return Path(named)
