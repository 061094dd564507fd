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


@pytest.fixture
def no_network_settings(monkeypatch, tmp_path) -> None:
    """Take away the proxies and the logins of whoever runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
