"""Fixtures that tests of more than one package share."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.hosts import closed, needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def closed_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], closed.Host]]:
    """Start fresh closed hosts by the name of their recipe; they end with the test."""
    with ExitStack() as hosts:

        def start(name: str) -> closed.Host:
            with needs.or_skip():
                return hosts.enter_context(closed.closed_host(name, tmp_path_factory.mktemp("host")))

        yield start
