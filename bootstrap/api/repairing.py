"""Functions that plan and execute repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.api.here import QUIET, trust_stores
from installer.layout import misplaced
from installer.layout.location.finding import find_prefix
from installer.trust import memory_admin
from installer.trust.available import find

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recovery.planning.plan import Plan
    from recovery.recover import Recovery
    from shared.terminal.progress import Progress


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
    from recovery.recover import RecoverRequest
    from recovery.recover import plan_recovery as plan_repair

    found = find_prefix(prefix, allow_lost_state=True)
    misplaced.refuse_linked_folders(found, misplaced.find_misplaced(found))
    report = read_diagnosis(diagnosis) if diagnosis else None
    available = find(found, bundle, trusted_keys, trust_stores())
    return plan_repair(found, RecoverRequest(report, available, allow_unlocked).admit())[0]


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
    repair fails, the previous release remains active. Afterwards, damaged trust records of the host, this user and the
    installation are repaired too.
    """
    from recovery.inspection.reported import read_diagnosis
    from recovery.recover import RecoverRequest
    from recovery.recover import recover as repair

    found, stores = find_prefix(prefix, allow_lost_state=True), trust_stores()
    report = read_diagnosis(diagnosis) if diagnosis else None
    available = find(found, bundle, trusted_keys, stores)
    done = repair(found, confirm, progress, RecoverRequest(report, available, allow_unlocked, wait))
    if done.applied or not done.plan.remedies:  # not if the user declined
        for line in memory_admin.repair(stores, found):
            progress.warn(line)
    return done
