"""Fixtures that tests of more than one package share."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.hosts import closed, needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def closed_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], closed.Host]]:
    """Start fresh closed hosts by the name of their recipe; they end with the test."""
    with ExitStack() as hosts:

        def start(name: str) -> closed.Host:
            with needs.or_skip():
                return hosts.enter_context(closed.closed_host(name, tmp_path_factory.mktemp("host")))

        yield start


@pytest.fixture(scope="session")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the installer for this machine, once; tests that take it are marked ``index``."""
    import build_zipapp
    from bootstrap.bundle.target import PYTHONS, host_target, parse_target
    from bootstrap.console import NoProgress

    target = parse_target(str(host_target()), PYTHONS[0])
    output = tmp_path_factory.mktemp("zipapp") / build_zipapp.NAME
    cache = needs.cache_folder() / "wheels"
    return build_zipapp.build_zipapp(output, target, policy=None, epoch=0, cache=cache, progress=NoProgress())
