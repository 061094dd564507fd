from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.signing.sign import generate_key
from tests.builder.small_project import make_project


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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    generate_key(tmp_path / "key", None)
    return tmp_path / "key"
