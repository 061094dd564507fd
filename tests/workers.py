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
    r"tests/("
    r"bootstrap/(test_(cli|schemas)\.|commands/(test_screens\.|inspect/test_validate\.)|launch/)"
    r"|builder/(test_(bounds|cli|rebuild)\.|advisories/test_agreement\.|assemble/test_volumes\.|bundle_files/"
    r"|evidence/|models/test_(models|whole)\.|project/test_source\.|request/|signing/test_slip\."
    r"|wheels/test_(attestations|builds|interpreter)\.)"
    r"|former/"
    r"|installer/(test_(bounds|modes|own_files)\.|change/test_(migration|retention|transaction)\.|install/"
    r"|layout/test_(own_command|placement|service)\.|logs/test_syslog\.|release/test_(bytecode|own_python)\."
    r"|trust/test_admission\.|userdata/test_(backups|userdata)\.)"
    r"|recovery/(test_(bundle|command|former|interpreter|manager|recover_[a-z_]+|untrusted)\.|planning/test_resolve\."
    r"|repair/)"
    r"|shared/(test_troubles\.|files/test_trials\.|programs/lazy/)"
    r"|validator/(test_(account|fresh|mutations|plugins)\.|checks/(application/test_(cli|container|dashboard"
    r"|probe)\.|performance/test_(defender|disk|import_costs|import_tree|imports|matrix|memory|model|start)\."
    r"|security/test_(advisories|safety)\.))"
    r")"
)


def share(test: str) -> tuple[int, str]:
    """Return when a test's share begins, and the share's name."""
    for rank, (pattern, name) in enumerate(SHARED):
        if found := re.match(pattern, test):
            return rank, name.format(found.group())
    raise AssertionError(test)


class Shares(LoadScopeScheduling):  # type: ignore[misc] # it has no types
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
