"""The choice of remedies that match the findings, and the order in which they are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recovery.repair import another_release, in_place
from recovery.repair.remaining import remaining_damage
from validator.finding_kinds import POINTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recovery.inspection.inspection import Inspection
    from recovery.repair.remaining import RemainingDamage
    from recovery.repair.remedy import InPlace, Remedy

# in place first; among these, MarkComplete and PointCurrent come before CleanUp, which then retains the release
ORDER: Sequence[type[Remedy]] = (
    in_place.RepairMisplaced,
    in_place.RepairRights,
    in_place.MarkComplete,
    in_place.PointCurrent,
    in_place.CleanUp,
    in_place.ProtectSettings,
    in_place.WriteSecondCopies,
    in_place.RepairStore,
    in_place.RepairStoreFromBundle,
    in_place.WriteLaunchers,
    another_release.RelinkModels,
    another_release.ReinstallPackages,
    another_release.RestoreFiles,
    another_release.RemakeEnvironmentFiles,
    another_release.RebuildRelease,
    another_release.ResolveAgain,
    another_release.GoBack,
    another_release.Reinstall,
)
# remedies that depend on the kind of a finding alone
_BY_KIND: Sequence[type[InPlace]] = (
    in_place.RepairMisplaced,
    in_place.RepairRights,
    in_place.CleanUp,
    in_place.ProtectSettings,
    in_place.MarkComplete,
    in_place.WriteLaunchers,
    in_place.WriteSecondCopies,
)


def ordered(chosen: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Return the remedies in the order in which they are applied."""
    return tuple(sorted(chosen, key=lambda remedy: ORDER.index(type(remedy))))


def in_place_for(inspection: Inspection) -> list[Remedy]:
    """Return the remedies for findings that need no new release, except those about the store."""
    chosen: list[Remedy] = []
    for remedy in _BY_KIND:
        found = inspection.of_kind(*remedy.kinds)
        if found:
            chosen.append(remedy(tuple(finding.name for finding in found if finding.name)))
    if inspection.release is not None and inspection.of_kind(POINTER):
        chosen.append(in_place.PointCurrent((inspection.release.id,)))
    return chosen


def release_for(inspection: Inspection, remaining: RemainingDamage | None = None) -> list[Remedy]:
    """Return the remedies that build a new release; parts in ``remaining`` stay damaged and get none."""
    if is_built_whole(inspection):
        return [another_release.RebuildRelease()]
    contents, without = (remaining.contents, remaining.packages) if remaining else ({}, frozenset[str]())
    packages = tuple(sorted(inspection.damaged_packages - without))
    chosen: list[Remedy] = [another_release.ReinstallPackages(packages)] if packages else []
    for remedy in (another_release.RelinkModels, another_release.RestoreFiles, another_release.RemakeEnvironmentFiles):
        found = [
            finding
            for finding in inspection.of_kind(*remedy.kinds)
            if not finding.files or not set(finding.files) <= set(contents)
        ]
        if found:
            chosen.append(remedy(tuple(finding.name for finding in found)))
    # what every new release rebuilds anyway: the remedy if there is no other, for example for bytecode alone
    return chosen or [another_release.RemakeEnvironmentFiles()]


def can_build(inspection: Inspection) -> bool:
    """Return whether this host has the files for a new release in which nothing remains damaged."""
    if is_built_whole(inspection):
        return not inspection.lost
    return not remaining_damage(inspection).left and not inspection.lacks("interpreter")


def is_built_whole(inspection: Inspection) -> bool:
    """Return whether a new release reuses no file, for lack of a reliable receipt or of a signed set of packages."""
    return inspection.receipt is None or not inspection.receipt.locked
