"""How tests are shared among workers (pytest-xdist): a file each, but what shares something dear goes together.

What takes longest begins first, so that all workers end at about the same time.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

MOST = 8  # each worker makes its own bundles and hosts
COVERAGE = "COVERAGE_PROCESS_START"  # the .pth file of coverage reads it in every Python that starts

# whatever has the same name goes to one worker; what stands first begins first
SHARED = (
    (r"tests/stories/test_pythons\.py::.*", "{0}"),  # each test has a host and bundles of its own
    (r"tests/stories/", "stories"),  # the workshop's bundles and the operator's host
    (r"tests/reliability/", "reliability"),  # a world in memory and its points
    (r"tests/hostile/test_swapping\.py::.*", "{0}"),
    (r"tests/(hostile|hosts|protocol)/[^:]*", "{0}"),
    (r"[^:]*", "{0}"),
)
# what `make quick` leaves out beside tests that need a host or an index
SLOW = re.compile(
    r"tests/(bootstrap/(lazy/test_compiling|launch/|commands/test_(screens|validate)|trust/test_admission"
    r"|test_(backups|bounds|bytecode|cli|delta|install|migration|modes|own_|placement|preflight|retention|schemas|service"
    r"|syslog|transaction|trials|troubles|upgrade|userdata))"
    r"|recovery/test_(?!parts|prompts)"
    r"|builder/(bundle_files/|advisories/test_agreement"
    r"|test_(attestations|bounds|cli|delta|evidence|interpreter|models|model_whole|rebuild|slip|source|state|verification"
    r"|volumes|wheel_builds))"
    r"|validator/(test_(account|fresh|import_costs|mutations|plugins)"
    r"|checks/test_(performance|ragtrace_(cli|container|dashboard|probe)|security_(advisories|safety))))"
)


def share(test: str) -> tuple[int, str]:
    """Return when a test's share begins, and the share's name."""
    for rank, (pattern, name) in enumerate(SHARED):
        if found := re.match(pattern, test):
            return rank, name.format(found.group())
    raise AssertionError(test)


class Shares(LoadScopeScheduling):
    """Gives a share of the tests at a time to each worker."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)[1]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    return Shares(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processors this process may use, within reason."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and put first what takes longest where several workers share."""
    for item in items:
        if SLOW.match(item.nodeid):
            item.add_marker("slow")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: share(item.nodeid)[0])


def pytest_configure(config: pytest.Config) -> None:
    """Let coverage measure this process, which it does by now, but no program that a test starts."""
    if "PYTEST_XDIST_WORKER" in os.environ or not config.getoption("numprocesses", None):
        os.environ.pop(COVERAGE, None)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[Any]:
    """Let a report travel whose captured output has characters that cannot: a worker would end with it."""
    return plain((yield))


def plain(data: Any) -> Any:
    """Return a report's data with lone surrogates as escapes (execnet sends UTF-8)."""
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(data, dict):
        return {plain(key): plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(plain(value) for value in data)
    return data
