"""A host that has accepted one full snapshot, and who attacks it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.advisories import dated, snapshot_bytes
from tests.installer.advisories.conftest import MADE
from tests.installer.advisories.shrinking.attacker import (
    BROUGHT,
    FULL,
    Attacker,
    without,
)

_brought: list[bytes] = []


@pytest.fixture
def brought(tmp_path) -> bytes:
    """Return a snapshot with little in it, so that what the tests find is not known by the release."""
    if not _brought:
        _brought.append(snapshot_bytes(tmp_path, dated(MADE - timedelta(hours=1), (BROUGHT,)), now=MADE))
    return _brought[0]


@pytest.fixture
def attacker(tmp_path, site) -> Attacker:
    """Return an attacker of a host that has accepted one full snapshot."""
    found = Attacker(tmp_path, site)
    found.offer(*FULL)
    return found


@pytest.fixture
def lost(attacker) -> Attacker:
    """Return an attacker of a host that has a package which a lost advisory hits."""
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    attacker.offer(*without("TEST-8"))
    attacker.install("later", "1.0")
    assert attacker.scan().assessment.findings_status == "FAIL"
    return attacker
