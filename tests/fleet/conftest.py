"""Fixtures of a fleet: its hosts, the control node, and releases."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fleet.control import Control, environment, installed_collection
from tests.fleet.network import Fleet
from tests.fleet.releases import Releases
from tests.hosts import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTS = int(os.environ.get("RAGTRACE_TEST_FLEET") or 3)  # make fleet has 30


@pytest.fixture(scope="session")
def ansible_bin() -> Path:
    with needs.or_skip():
        return environment()


@pytest.fixture(scope="session")
def collections(ansible_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_collection(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    return Releases(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Start the hosts; they end with the tests of a module."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    try:
        with needs.or_skip():
            fleet.start(HOSTS)
        yield fleet
    finally:
        fleet.close()


@pytest.fixture(scope="module")
def control(fleet: Fleet, collections: Path, tmp_path_factory: pytest.TempPathFactory) -> Control:
    return Control(fleet, tmp_path_factory.mktemp("control"), collections)
