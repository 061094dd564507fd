"""The last resorts if this host lacks files for the release.

These are other versions, another intact release, a whole bundle, or a partial repair.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from bundle.names import INSTALLER
from installer.change import migration, retention
from installer.install import delta
from installer.layout.location import own_command
from installer.layout.store import Store
from installer.release.sealing import intact
from installer.userdata import userdata
from recovery.planning import other_versions
from recovery.planning.choice import ordered, release_for
from recovery.planning.transfer import what_to_transfer
from recovery.repair.another_release import GoBack, Reinstall, ResolveAgain
from recovery.repair.in_place import (
    CleanUp,
    MarkComplete,
    ProtectSettings,
    RepairMisplaced,
    RepairRights,
    WriteLaunchers,
)
from recovery.repair.remaining import can_build_with_damage, remaining_damage
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from bundle.opening import Bundle
    from installer.layout.release import Release
    from recovery.inspection.inspection import Inspection
    from recovery.planning.plan import Plan
    from recovery.planning.plan_input import PlanInput
    from recovery.repair.remedy import Remedy


def with_other_versions(plan: Plan, chosen: list[Remedy], planned: PlanInput) -> Plan:
    """Add a release with other versions of lost packages if that is allowed and possible, else a last resort."""
    inspection = planned.inspection
    manifest = other_versions.resolve(inspection) if planned.allow_unlocked and not _lacks_more(inspection) else None
    if manifest is None:
        return with_last_resort(plan, chosen, planned)
    assert inspection.proof is not None  # the set of packages was resolved from it
    locked = {(package.name, package.version) for package in inspection.proof.manifest.packages}
    others = [f"{p.name} {p.version}" for p in manifest.packages if (p.name, p.version) not in locked]
    remedies = ordered([*chosen, ResolveAgain(tuple(others), manifest)])
    return replace(plan, remedies=remedies, unmet=what_to_transfer(inspection))


def with_another_python(plan: Plan, chosen: list[Remedy], planned: PlanInput, needed: str) -> Plan:
    """Advise running recover with the needed Python, because the signed packages are for one minor version only.

    The plan retains the remedies in place, and the installation of a whole bundle.
    """
    inspection = planned.inspection
    found = with_last_resort(plan, chosen, planned, hints=False)
    in_full = found.find(Reinstall)
    lasting = (*found.in_place, *((in_full,) if in_full else ()))
    text = _("This is Python {running}, but the installation needs Python {needed}: run {command}.")
    tool = str(inspection.release.bundle / INSTALLER) if inspection.release else INSTALLER
    command = own_command.quoted([f"python{needed}", tool, "recover", "--prefix", str(inspection.prefix.root)])
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    unmet = text.format(running=running, needed=needed, command=command)
    return replace(found, remedies=lasting, unmet=unmet, left=(), damaged=frozenset(), needed_python=needed)


def with_last_resort(plan: Plan, chosen: list[Remedy], planned: PlanInput, *, hints: bool = True) -> Plan:
    """Add another intact release, else the whole bundle, else a partial repair and the advice on what to transfer.

    With ``hints``, the last also names --allow-unlocked where that may help.
    """
    inspection, bundle = planned.inspection, planned.bundle
    previous = intact_previous(inspection)
    if previous is not None:
        stored = [one for one in chosen if not isinstance(one, WriteLaunchers)]
        back = GoBack((previous.id,), with_data=userdata.waiting(inspection.prefix, previous) is not None)
        return replace(plan, remedies=ordered([*stored, back]), unmet=what_to_transfer(inspection))
    if bundle is not None and _may_replace(bundle, inspection) and not lacks_base(bundle, inspection):
        # the new release replaces everything else
        lasting = (RepairMisplaced, RepairRights, CleanUp, ProtectSettings, MarkComplete)
        stored = [one for one in chosen if isinstance(one, lasting)]
        whole = Reinstall((str(bundle.location),), migrates=_migrates(bundle, inspection))
        return replace(plan, remedies=ordered([*stored, whole]))
    helps = not planned.allow_unlocked and inspection.proof is not None and not _lacks_more(inspection)
    plan = replace(plan, unmet=what_to_transfer(inspection), notes=(_hint(),) if hints and helps else ())
    if inspection.proof is None or inspection.release is None:
        return replace(plan, remedies=ordered(chosen))
    remaining = remaining_damage(inspection)
    if can_build_with_damage(inspection, remaining):
        chosen = [*chosen, *release_for(inspection, remaining)]
    return replace(plan, remedies=ordered(chosen), left=remaining.left, damaged=frozenset(remaining.contents))


def _hint() -> str:
    return _(
        "Add --allow-unlocked to try other versions that are stored on this host; the resulting set is not signed."
    )


def _lacks_more(inspection: Inspection) -> bool:
    """Return whether files other than wheels are lost."""
    return any(entry.kind != "wheel" for entry in inspection.lost)


def _may_replace(bundle: Bundle, inspection: Inspection) -> bool:
    """Return whether a bundle is not older than the release, and of the same product if that is known."""
    if inspection.release is not None and bundle.manifest.product.counter < inspection.release.counter:
        return False
    known = inspection.proof.manifest.product.name if inspection.proof else None
    known = known or (inspection.receipt.product if inspection.receipt else None)
    return known is None or bundle.manifest.product.name == known


def _migrates(bundle: Bundle, inspection: Inspection) -> bool:
    """Return whether the user's data must be migrated for a bundle; the remedy itself reports data that is too new."""
    try:
        return migration.is_due(bundle.manifest, inspection.prefix)
    except HostError:
        return False


def lacks_base(bundle: Bundle, inspection: Inspection) -> bool:
    """Return whether a bundle is a delta bundle and the store lacks files of its base bundle."""
    return bool(delta.lacking(bundle, Store(inspection.prefix.store)))


def intact_previous(inspection: Inspection) -> Release | None:
    """Return another intact release, preferably the previous version, or None."""
    prefix, damaged = inspection.prefix, inspection.release
    candidates = [retention.previous(prefix), *reversed(prefix.complete_releases())]
    for release in candidates:
        if release is None or (damaged is not None and release.id == damaged.id):
            continue
        if not intact.damage(prefix, release, inspection.digests):
            return release
    return None
