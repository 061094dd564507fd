"""A partial repair: damaged files that this host cannot replace are reused, reported, and remain recorded as damaged.

The receipt of the repaired release lists the digests that such files should have, so that every later check still
finds them damaged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bundle.manifest import MODELS
from bundle.wheels import record
from installer.release import tools_environment
from installer.release.receipt import ADDED
from installer.release.stage import counterpart
from recovery.inspection.release_faults import KIND_OF_AREA
from shared.i18n import _
from shared.terminal.console import human_bytes
from validator.finding_kinds import INTERPRETER

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest
    from recovery.inspection.inspection import Inspection


@dataclass(frozen=True)
class Left:
    """A file that remains damaged: its model or name, its paths in prefix and bundle, its size and its digest."""

    name: str
    path: str
    bundle_path: str
    size: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def lines(self) -> list[str]:
        """Return the file as human-readable lines."""
        place = _("{name}: {path} ({size}, SHA-256 {sha256})").format(
            name=self.name, path=self.path, size=human_bytes(self.size), sha256=self.sha256
        )
        return [place, "  " + _("in the bundle: {path}").format(path=self.bundle_path)]


@dataclass(frozen=True)
class RemainingDamage:
    """The damage that remains because stored files are lost.

    ``left`` lists the lost files that a damaged part needs; ``contents`` maps the paths of damaged files that are
    reused to the content that they should have. ``packages`` lists the damaged packages whose wheels are lost;
    ``manifest`` is the signed one without the lost files, and without the scanners if they are reused, which
    ``keeps_tools`` states: they are intact, or one of their wheels is lost.
    """

    left: tuple[Left, ...]
    contents: dict[str, str]
    packages: frozenset[str]
    manifest: Manifest
    keeps_tools: bool

    @property
    def models(self) -> frozenset[str]:
        """The models with a file that remains damaged, whose results are meaningless."""
        return frozenset(left.name for left in self.left if left.bundle_path.startswith(f"{MODELS}/"))


def remaining_damage(inspection: Inspection) -> RemainingDamage:
    """Return what remains damaged if the damaged packages whose wheels are not lost are reinstalled."""
    packages = inspection.damaged_packages
    manifest, release = inspection.installation.manifest, inspection.installation.release
    lost = inspection.lost
    lost_paths = {entry.path for entry in lost}
    wheels = {package.wheel: package.name for package in manifest.packages if package.name in packages}
    without = frozenset(name for wheel, name in wheels.items() if wheel in lost_paths)
    places = {counterpart(release, entry): entry for entry in lost}
    expected = {item.path: item.content for item in inspection.receipt.items} if inspection.receipt else {}
    contents, left = {}, {}
    for deviation in inspection.deviations:
        if deviation.kind == ADDED or deviation.path.endswith(".pyc"):
            continue
        entry = places.get(release.path / deviation.path)
        if entry is not None:
            contents[deviation.path] = expected[deviation.path]
            left[entry.path] = _left(entry, release.path / deviation.path, inspection)
        elif deviation.owner not in KIND_OF_AREA and record.normalised(deviation.owner) in without:
            contents[deviation.path] = expected[deviation.path]
    for entry in lost:
        if wheels.get(entry.path) in without:
            left[entry.path] = _left(entry, inspection.installation.store.path(entry.sha256), inspection)
    # damaged scanners are rebuilt only if all their wheels are stored, because they share one environment
    tools = {entry.path for entry in tools_environment.entries_of(manifest)}
    in_tools = f"{tools_environment.FOLDER}/"
    are_whole = not any(deviation.path.startswith(in_tools) for deviation in inspection.deviations)
    keeps_tools = bool(tools) and (are_whole or bool(tools & lost_paths))
    gone = lost_paths | tools if keeps_tools else lost_paths
    reduced = replace(manifest, files=tuple(entry for entry in manifest.files if entry.path not in gone))
    return RemainingDamage(tuple(left[path] for path in sorted(left)), contents, without, reduced, keeps_tools)


def _left(entry: FileEntry, place: Path, inspection: Inspection) -> Left:
    name = entry.inner.partition("/")[0] if entry.kind == "model" else entry.path.rpartition("/")[2]
    return Left(name, place.relative_to(inspection.prefix.root).as_posix(), entry.path, entry.size, entry.sha256)


def can_build_with_damage(inspection: Inspection, remaining: RemainingDamage) -> bool:
    """Return whether a new release can be built that is better than the damaged one.

    All of these must hold:

    1. There is a proven manifest, and a receipt with the signed set of packages shows which files are intact.
    2. The Python interpreter from the bundle, on which everything runs, is not lost.
    3. No package that remains damaged has damaged metadata (.dist-info), which identifies it.
    4. The new release repairs something.
    """
    if inspection.proof is None or inspection.receipt is None or not inspection.receipt.locked:
        return False
    if inspection.lacks("interpreter"):
        return False
    if any(".dist-info/" in path for path in remaining.contents):
        return False
    rest = {deviation.path for deviation in inspection.deviations} - set(remaining.contents)
    return bool(rest or inspection.of_kind(INTERPRETER))
