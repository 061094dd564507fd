"""Functions that plan and execute repairs, and check what was repaired."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bootstrap.api.here import QUIET, settle_advisories, trust_stores
from bootstrap.api.inspecting import asking_recovery
from installer.layout import misplaced
from installer.layout.location.finding import find_prefix
from installer.trust import memory_admin
from installer.trust.available import find_available

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from installer.release.digests import Digests
    from recovery.planning.plan import Plan
    from recovery.recover import Recovery
    from shared.terminal.progress import Progress
    from validator.check import CheckResult

REPAIRED = ("packages.record", "ragtrace.release", "security.integrity", "security.receipt")


def plan_recovery(
    prefix: Path | None = None,
    *,
    diagnosis: Path | None = None,
    bundle: Path | None = None,
    trusted_keys: Sequence[str] = (),
    allow_unlocked: bool = False,
) -> Plan:
    """Return the plan of a repair, with the damage that was found; nothing is written."""
    from recovery.inspection.reported import read_diagnosis
    from recovery.request import RecoverRequest, inspect_and_plan

    found = find_prefix(prefix, allow_lost_state=True)
    misplaced.refuse_linked_folders(found, misplaced.find_misplaced(found))
    report = read_diagnosis(diagnosis) if diagnosis else None
    available = find_available(found, bundle, trusted_keys, trust_stores())
    return inspect_and_plan(found, RecoverRequest(report, available, allow_unlocked).admit())[0]


def recover(
    prefix: Path | None = None,
    confirm: Callable[[Plan], bool] = lambda _plan: True,
    *,
    diagnosis: Path | None = None,
    bundle: Path | None = None,
    trusted_keys: Sequence[str] = (),
    allow_unlocked: bool = False,
    progress: Progress = QUIET,
    wait: float = 0.0,
) -> Recovery:
    """Repair an installation from the files on this host, or from a bundle.

    ``diagnosis`` is a file written by validate, used as a hint. ``confirm`` receives the plan and returns whether
    to execute it. ``allow_unlocked`` permits replacing lost packages with other versions that are stored here. If the
    repair fails before another release is activated, or that release does not work, the previous one remains active; a
    later error names the release that is active now. Afterwards, damaged trust records of the host, this user and the
    installation are repaired too.
    """
    from recovery.inspection.reported import read_diagnosis
    from recovery.recover import recover as repair_installation
    from recovery.request import RecoverRequest

    found, stores = find_prefix(prefix, allow_lost_state=True), trust_stores()
    report = read_diagnosis(diagnosis) if diagnosis else None
    available = find_available(found, bundle, trusted_keys, stores)
    if found.state.is_dir():
        settle_advisories(found, stores, progress, wait)
    done = repair_installation(found, confirm, progress, RecoverRequest(report, available, allow_unlocked, wait))
    if done.applied or not done.plan.remedies:  # not if the user declined
        for line in memory_admin.repair(stores, found):
            progress.warn(line)
    return done


def check_repaired(
    prefix: Path | None = None, *, digests: Digests | None = None, progress: Progress = QUIET
) -> list[CheckResult]:
    """Run the four checks of installed files (``REPAIRED``) and return their results.

    ``digests`` contains the digests of the files that the repair just hashed; files changed since then are read again.
    """
    from validator import registry, runner, subject

    chosen = runner.select(registry.CHECKS, runner.Selection(ids=REPAIRED))
    found = subject.subject_of(find_prefix(prefix))
    found = replace(found, digests=digests) if digests else found
    return runner.run_checks(asking_recovery(found), chosen, progress)
