"""Fixtures that tests of more than one package share."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from installer.trust import stores
from shared.terminal.console import LOG
from tests.hosts import closed, needs
from tests.workers import (  # noqa: F401  - hooks
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_report_to_serializable,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest_plugins = ["tests.fixtures"]

# a shell that starts the tests in the background, or nohup, lets them ignore these, and programs that they start too
for _name, _handler in (
    ("SIGINT", signal.default_int_handler),
    ("SIGHUP", signal.SIG_DFL),
    ("SIGTERM", signal.SIG_DFL),
):
    if hasattr(signal, _name) and signal.getsignal(getattr(signal, _name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), _handler)


def _trust_stores_in(folder: Path) -> stores.TrustStores:
    owner = os.geteuid() if hasattr(os, "geteuid") else 0
    return stores.TrustStores(
        folder / "host" / "trust", folder / "user" / "trust", folder, privileged=True, owner=owner
    )


@pytest.fixture(autouse=True, scope="session")
def _own_trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests accept away from this machine's own places of trust."""
    with pytest.MonkeyPatch.context() as patch:
        found = _trust_stores_in(tmp_path_factory.mktemp("trust"))
        patch.setattr("bootstrap.api.here.host_trust_stores", lambda: found)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))  # logs that belong to no prefix
        yield


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Take away what a test let the log write to: its stderr is closed when the next one runs."""
    before = list(LOG.handlers)
    yield
    LOG.handlers[:] = before


@pytest.fixture(autouse=True)
def trust_stores(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> stores.TrustStores:
    """Give the test places of trust of its own: an empty host folder that the run may change."""
    found = _trust_stores_in(tmp_path_factory.mktemp("trust"))
    monkeypatch.setattr("bootstrap.api.here.host_trust_stores", lambda: found)
    return found


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
    from builder.fetch.cache import Cache
    from builder.fetch.fetching import Fetching
    from builder.zipapp import pack
    from bundle.names import INSTALLER
    from bundle.target import PYTHONS, host_target, parse_target
    from shared.terminal.progress import NoProgress

    target = parse_target(str(host_target()), PYTHONS[0])
    output = tmp_path_factory.mktemp("zipapp") / INSTALLER
    fetching = Fetching(Cache(needs.cache_folder() / "builder"), NoProgress())
    return pack.build_zipapp(output, target, fetching, pack.Packing())


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Let no test inherit the mask of another one in the same worker."""
    previous = os.umask(0o022)
    yield
    os.umask(previous)
