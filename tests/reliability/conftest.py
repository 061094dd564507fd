"""The world that is hurt, made once; and the points where it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bootstrap.api import here
from installer.trust.stores import host_trust_stores
from tests.hosts import faults, needs
from tests.reliability import matrix
from tests.reliability import world as worlds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Give a folder in memory where there is one."""
    with matrix.scratch() as folder:
        yield folder


@pytest.fixture(scope="session")
def world(scratch: Path) -> Iterator[worlds.World]:
    """Make both bundles and the prefixes that operations start from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(here, "host_trust_stores", host_trust_stores)  # what the world puts there goes with it
        yield worlds.make(scratch / "world")


@pytest.fixture(scope="session")
def found(world: worlds.World, scratch: Path) -> list:
    """Find all points by one run of each operation."""
    with needs.or_skip():
        faults.kill_at("fsync", 1)
    return matrix.all_points(world, scratch)


@pytest.fixture
def place(tmp_path: Path, trust_stores: object) -> Path:
    """Give a place for one prefix."""
    return tmp_path / "place"
