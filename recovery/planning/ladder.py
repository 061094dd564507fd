"""The ladder of remedies: which of them fit what was found, and in which order they are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recovery.repair import in_place, new_release
from recovery.repair.parts import parts_of
from validator.remedy import POINTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recovery.inspection.inspection import Inspection
    from recovery.repair.parts import Parts
    from recovery.repair.remedy import InPlace, Remedy

# in place first, and of these what makes the release count: cleaning up spares it
LADDER: Sequence[type[Remedy]] = (
    in_place.RepairPlaces,
    in_place.RepairRights,
    in_place.MarkComplete,
    in_place.PointCurrent,
    in_place.CleanUp,
    in_place.ProtectSettings,
    in_place.WriteMetadata,
    in_place.HealStore,
    in_place.FillStore,
    in_place.WriteLaunchers,
    new_release.LinkModels,
    new_release.ReinstallPackages,
    new_release.RestoreFiles,
    new_release.RemakeEnvironment,
    new_release.RebuildEnvironment,
    new_release.ResolveAgain,
    new_release.GoBack,
    new_release.Reinstall,
)
# those that one kind of finding asks for, whatever else there is
_BY_KIND: Sequence[type[InPlace]] = (
    in_place.RepairPlaces,
    in_place.RepairRights,
    in_place.CleanUp,
    in_place.ProtectSettings,
    in_place.MarkComplete,
    in_place.WriteLaunchers,
    in_place.WriteMetadata,
)


def ordered(chosen: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Return remedies in the order in which they are applied."""
    return tuple(sorted(chosen, key=lambda remedy: LADDER.index(type(remedy))))


def in_place_for(inspection: Inspection) -> list[Remedy]:
    """Return the remedies of what needs no new release, but for the store."""
    chosen: list[Remedy] = []
    for remedy in _BY_KIND:
        found = inspection.of_kind(*remedy.kinds)
        if found:
            chosen.append(remedy(tuple(finding.name for finding in found if finding.name)))
    if inspection.release is not None and inspection.of_kind(POINTER):
        chosen.append(in_place.PointCurrent((inspection.release.id,)))
    return chosen


def release_for(inspection: Inspection, parts: Parts | None = None) -> list[Remedy]:
    """Return the remedies that make a new release; with ``parts`` those of what does not stay damaged."""
    if is_built_whole(inspection):
        return [new_release.RebuildEnvironment()]
    stored, without = (parts.contents, parts.packages) if parts else ({}, frozenset[str]())
    packages = tuple(sorted(inspection.damaged_packages - without))
    chosen: list[Remedy] = [new_release.ReinstallPackages(packages)] if packages else []
    for remedy in (new_release.LinkModels, new_release.RestoreFiles, new_release.RemakeEnvironment):
        found = [
            finding
            for finding in inspection.of_kind(*remedy.kinds)
            if not finding.files or not set(finding.files) <= set(stored)
        ]
        if found:
            chosen.append(remedy(tuple(finding.name for finding in found)))
    # every new release makes these anew, so there is always a remedy to name: bytecode alone, for example
    return chosen or [new_release.RemakeEnvironment()]


def can_build(inspection: Inspection) -> bool:
    """Return whether what this host has is enough for a new release in which nothing stays damaged."""
    if is_built_whole(inspection):
        return not inspection.lost
    return not parts_of(inspection, inspection.damaged_packages).left and not inspection.lacks("interpreter")


def is_built_whole(inspection: Inspection) -> bool:
    """Return whether nothing is reused: no receipt says what is good, or what is there nobody signed."""
    return inspection.receipt is None or not inspection.receipt.locked
