"""From findings to a plan: the smallest remedies that repair everything, in order, each once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recovery.diagnosis.inside import needed_python
from recovery.planning.bring import bring, how_to_restore
from recovery.planning.ladder import can_build, in_place_for, ordered, release_for
from recovery.planning.last_resorts import with_another_python, with_last_resort, with_other_versions
from recovery.planning.plan import Plan
from recovery.repair.in_place import FillStore, HealStore, MendRights
from validator.remedy import DATA, OF_THE_RELEASE, RIGHTS, UNLOCKED

if TYPE_CHECKING:
    from recovery.diagnosis.diagnose import Diagnosis
    from recovery.planning.last_resorts import Case
    from recovery.repair.remedy import Remedy


def make_plan(case: Case) -> Plan:
    """Choose what to do about what was found."""
    diagnosis, plan = case.diagnosis, _of_the_installation(case)
    if plan.ladder and not _has_rights_elsewhere(diagnosis):  # a new release has its own
        plan = replace(plan, remedies=tuple(cure for cure in plan.remedies if not isinstance(cure, MendRights)))
    return replace(plan, restore=how_to_restore(diagnosis)) if diagnosis.of_kind(DATA) else plan


def _has_rights_elsewhere(diagnosis: Diagnosis) -> bool:
    """Return whether anything but the release that gives way has another owner or other rights."""
    own = f"releases/{diagnosis.release.id}" if diagnosis.release else ""
    paths = [path for finding in diagnosis.of_kind(RIGHTS) for path in finding.files]
    return any(not own or f"{path}/".partition(f"{own}/")[:2] != ("", f"{own}/") for path in paths)


def _of_the_installation(case: Case) -> Plan:
    """Choose the remedies for what was found.

    1. What is repaired in place.
    2. The store, from copies on this host, else from the same bundle.
    3. The release: only what is damaged; all of it where nothing confirms the rest.
    4. Where that is allowed, the release from other versions of what is lost.
    5. The last resorts: the previous release, the bundle in full, what can be repaired without it, or advice on
       what to transfer.
    """
    diagnosis, release = case.diagnosis, case.diagnosis.release
    plan = Plan(release.id if release else None, diagnosis.findings, ())
    # 1.
    chosen = in_place_for(diagnosis)
    needs_release = bool(diagnosis.of_kind(*OF_THE_RELEASE)) or release is None
    if diagnosis.proof is None and not needs_release:
        return replace(plan, remedies=ordered(chosen))
    if diagnosis.proof is None:
        return with_last_resort(plan, chosen, case)
    # 2.
    chosen += _of_the_store(case)
    unmet = bring(diagnosis) if diagnosis.lost and not case.has_what_is_lost else ""
    # 3.
    needed = needed_python(diagnosis.proof) if needs_release else ""
    if needed:
        return with_another_python(plan, chosen, case, needed)
    is_buildable = not unmet or can_build(diagnosis)
    # what nobody signed gives way as soon as the lock can be had again
    if not needs_release and not (diagnosis.of_kind(UNLOCKED) and is_buildable):
        return replace(plan, remedies=ordered(chosen), unmet=unmet)
    if is_buildable:
        return replace(plan, remedies=ordered([*chosen, *release_for(diagnosis)]), unmet=unmet)
    # 4. and 5.
    return with_other_versions(plan, chosen, case)


def _of_the_store(case: Case) -> list[Remedy]:
    """Return the remedy of what the store lacks."""
    diagnosis = case.diagnosis
    if diagnosis.lost and case.has_what_is_lost:
        return [FillStore(tuple(entry.path for entry in diagnosis.lost))]
    if diagnosis.spare:
        return [HealStore(tuple(entry.path for entry in diagnosis.lacking if entry.sha256 in diagnosis.spare))]
    return []
