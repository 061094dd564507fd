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
# what `make quick` leaves out beside tests that need a host or an index: how paths begin, below tests/
SLOW = (
    "bootstrap/commands/inspect/test_validate.",
    "bootstrap/commands/test_screens.",
    "bootstrap/launch/",
    "bootstrap/test_cli.",
    "bootstrap/test_schemas.",
    "builder/advisories/test_agreement.",
    "builder/assemble/test_volumes.",
    "builder/bundle_files/",
    "builder/evidence/",
    "builder/models/test_models.",
    "builder/models/test_whole.",
    "builder/project/test_source.",
    "builder/request/",
    "builder/signing/test_slip.",
    "builder/test_bounds.",
    "builder/test_cli.",
    "builder/test_cli_keys.",
    "builder/test_rebuild.",
    "builder/wheels/attesting/test_attestations.",
    "builder/wheels/attesting/test_attestations_again.",
    "builder/wheels/test_builds.",
    "builder/wheels/test_interpreter.",
    "former/",
    "installer/change/test_migration.",
    "installer/change/test_retention.",
    "installer/change/test_transaction.",
    "installer/install/",
    "installer/layout/location/test_own_command.",
    "installer/layout/location/test_placement.",
    "installer/layout/test_prefix.",
    "installer/layout/test_service_account.",
    "installer/logs/test_collector.",
    "installer/logs/test_command_logs.",
    "installer/logs/test_syslog.",
    "installer/logs/test_usage.",
    "installer/release/test_bytecode.",
    "installer/release/test_own_python.",
    "installer/test_bounds.",
    "installer/test_modes.",
    "installer/test_own_files.",
    "installer/trust/test_admission.",
    "installer/userdata/test_backups.",
    "installer/userdata/test_any_data.",
    "installer/userdata/test_exchange.",
    "installer/userdata/test_userdata.",
    "recovery/planning/test_other_versions.",
    "recovery/repair/",
    "recovery/test_bundle.",
    "recovery/test_command.",
    "recovery/test_interpreter.",
    "recovery/test_manager.",
    "recovery/test_rebuild_for_rollback.",
    "recovery/test_recover_",
    "recovery/test_untrusted.",
    "shared/files/test_temp_folders.",
    "shared/programs/lazy/",
    "shared/test_troubles.",
    "validator/checks/application/test_cli.",
    "validator/checks/application/test_container.",
    "validator/checks/application/test_dashboard.",
    "validator/checks/application/test_probe.",
    "validator/checks/performance/",
    "validator/checks/security/test_advisories.",
    "validator/checks/security/test_safety.",
    "validator/test_account.",
    "validator/test_fresh.",
    "validator/test_mutations.",
    "validator/test_plugins.",
)
_SLOW = tuple(f"tests/{path}" for path in SLOW)


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
        if item.nodeid.startswith(_SLOW):
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
