"""Fixtures of the stories: a workshop that builds, and a host that tests share and leave as it was."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.hosts import closed, needs
from tests.stories.operator import Operator
from tests.stories.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Give the connected machine; what it has built is gone at the end of the session."""
    with needs.or_skip():
        needs.root_on_linux()
        needs.program("git", package="git")
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    yield workshop
    workshop.close()


@pytest.fixture(scope="session")
def operator(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Give root at a bookworm host, where version 0.1.0 of the example is installed."""
    with ExitStack() as stack:
        with needs.or_skip():
            host = stack.enter_context(closed.closed_host("bookworm", tmp_path_factory.mktemp("host")))
        workshop.order("0.1.0", "0.2.0", python=host.python)
        root = Operator(host)
        root.install(root.copy_in(workshop.bundle("0.1.0", host.python)))
        yield root


@pytest.fixture(scope="session")
def newer(workshop: Workshop, operator: Operator) -> str:
    """Bring version 0.2.0 to that host and return its folder there."""
    return operator.copy_in(workshop.bundle("0.2.0", operator.host.python))


@pytest.fixture(scope="session")
def hello(workshop: Workshop, operator: Operator) -> str:
    """Bring the bundle of a small project without a profile to that host and return its folder there."""
    return operator.copy_in(workshop.hello(operator.host.python))
