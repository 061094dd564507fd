"""Create a plan from findings: the smallest remedies that repair as much as possible, in the order of application."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recovery.inspection.release_faults import needed_python
from recovery.planning.choice import can_build, in_place_for, ordered, release_for
from recovery.planning.last_resorts import with_another_python, with_last_resort, with_other_versions
from recovery.planning.plan import Plan
from recovery.planning.transfer import how_to_restore, what_to_transfer
from recovery.repair.in_place import RepairRights, RepairStore, RepairStoreFromBundle
from validator.finding_kinds import DATA, OF_THE_RELEASE, RIGHTS, UNLOCKED

if TYPE_CHECKING:
    from recovery.inspection.inspection import Inspection
    from recovery.planning.plan_input import PlanInput
    from recovery.repair.remedy import Remedy


def make_plan(planned: PlanInput) -> Plan:
    """Return the plan for an inspection."""
    inspection, plan = planned.inspection, _of_the_installation(planned)
    if plan.replacing and not _has_rights_elsewhere(inspection):  # a new release gets its own permissions
        plan = replace(plan, remedies=tuple(one for one in plan.remedies if not isinstance(one, RepairRights)))
    return replace(plan, restore=how_to_restore(inspection)) if inspection.of_kind(DATA) else plan


def _has_rights_elsewhere(inspection: Inspection) -> bool:
    """Return whether anything outside the release to be replaced has the wrong owner or permissions."""
    own = f"releases/{inspection.release.id}" if inspection.release else ""
    paths = [path for finding in inspection.of_kind(RIGHTS) for path in finding.files]
    return any(not own or f"{path}/".partition(f"{own}/")[:2] != ("", f"{own}/") for path in paths)


def _of_the_installation(planned: PlanInput) -> Plan:
    """Choose the remedies for the findings, without the advice on lost data.

    1. Repairs in place.
    2. The store: from the bundle that the release was built from, if it has all lost files, else from copies on this
       host.
    3. The release: only the damaged parts, or all of it if no receipt of signed packages confirms the rest. If that
       needs another Python, the advice to run it.
    4. If allowed, the release with other versions of lost packages.
    5. The last resorts: another intact release, a whole bundle, a partial repair, or advice on what to transfer.
    """
    inspection, release = planned.inspection, planned.inspection.release
    plan = Plan(release.id if release else None, inspection.findings, ())
    # 1.
    chosen = in_place_for(inspection)
    needs_release = bool(inspection.of_kind(*OF_THE_RELEASE)) or release is None
    if inspection.proof is None and not needs_release:
        return replace(plan, remedies=ordered(chosen))
    if inspection.proof is None:
        return with_last_resort(plan, chosen, planned)
    # 2.
    chosen += _of_the_store(planned)
    unmet = what_to_transfer(inspection) if inspection.lost and not planned.has_what_is_lost else ""
    # 3.
    needed = needed_python(inspection.proof) if needs_release else ""
    if needed:
        return with_another_python(plan, chosen, planned, needed)
    is_buildable = not unmet or can_build(inspection)
    # an unsigned set of packages is replaced as soon as the signed one can be built again
    if not needs_release and not (inspection.of_kind(UNLOCKED) and is_buildable):
        return replace(plan, remedies=ordered(chosen), unmet=unmet)
    if is_buildable:
        return replace(plan, remedies=ordered([*chosen, *release_for(inspection)]), unmet=unmet)
    # 4. and 5.
    return with_other_versions(plan, chosen, planned)


def _of_the_store(planned: PlanInput) -> list[Remedy]:
    """Return the remedies for files that the store lacks."""
    inspection = planned.inspection
    if inspection.lost and planned.has_what_is_lost:
        return [RepairStoreFromBundle(tuple(entry.path for entry in inspection.lost))]
    if inspection.spare:
        return [RepairStore(tuple(entry.path for entry in inspection.lacking if entry.sha256 in inspection.spare))]
    return []
