"""Resolve another set of packages from the wheels on this host if wheels of the signed set are lost.

Each wheel is listed in the signed manifest of a retained release, but their combination is not signed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.layout.store import Store
from installer.release import receipt as receipts
from recovery.inspection.proof import find_proof
from shared.errors import RagtraceError, ToolError
from shared.files import temp_folders
from shared.programs.uv import Uv, base_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest, Package
    from bundle.product.conflict import Conflict
    from recovery.inspection.inspection import Inspection


def resolve(inspection: Inspection) -> Manifest | None:
    """Return the manifest with other versions of the packages whose wheels are lost, or None without a solution.

    First, packages whose wheel is intact keep their version; if that has no solution, all versions may change.
    """
    assert inspection.proof is not None  # the caller plans a release from it
    manifest = inspection.proof.manifest
    wheels = available(inspection)
    names = sorted(package.name for package in manifest.packages)
    if set(names) - {name for name, _version in wheels}:
        return None
    pins = [f"{p.name}=={p.version}" for p in manifest.packages if wheels.get((p.name, p.version), (None,))[0] == p]
    with temp_folders.scratch() as folder:
        lay_out(wheels, Store(inspection.prefix.store), folder / "wheels")
        uv = Uv(folder / "uv")
        for constraints in (pins, []):
            try:
                found = uv.resolve(base_interpreter(), names, constraints, folder / "wheels")
                chosen = [wheels[record.normalised(name), version] for name, version in found]
            except (ToolError, KeyError):
                continue  # no solution
            others = [entry for entry in manifest.files if entry.kind != "wheel"]
            files = sorted([*others, *(entry for _package, entry in chosen)], key=lambda entry: entry.path)
            packages = tuple(package for package, _entry in chosen)
            return replace(manifest, packages=packages, files=tuple(files), conflicts=unchanged(manifest, packages))
    return None


def unchanged(manifest: Manifest, packages: Iterable[Package]) -> tuple[Conflict, ...]:
    """Return the decided conflicts between packages that all keep their version."""
    kept = {package.name for package in packages if package in manifest.packages}
    return tuple(conflict for conflict in manifest.conflicts if kept.issuperset(conflict.packages))


def available(inspection: Inspection) -> dict[tuple[str, str], tuple[Package, FileEntry]]:
    """Return the intact wheels in the store by name and version; those of the damaged release take precedence."""
    store = Store(inspection.prefix.store)
    lost = {entry.sha256 for entry in inspection.lacking}
    found: dict[tuple[str, str], tuple[Package, FileEntry]] = {}
    for manifest in _manifests(inspection):
        entries = {entry.path: entry for entry in manifest.of_kind("wheel")}
        for package in manifest.packages:
            entry, key = entries[package.wheel], (package.name, package.version)
            if key not in found and entry.sha256 not in lost and store.is_intact(entry):
                found[key] = package, entry
    return found


def _manifests(inspection: Inspection) -> Iterator[Manifest]:
    """Yield the proven manifests of the retained releases."""
    assert inspection.proof is not None
    yield inspection.proof.manifest
    for release in reversed(inspection.prefix.complete_releases()):
        if inspection.release is not None and release.id == inspection.release.id:
            continue
        try:
            proof = find_proof(inspection.prefix, release, receipts.read_receipt(release), None)
        except (RagtraceError, OSError):
            continue
        if proof is not None:
            yield proof.manifest


def lay_out(wheels: Mapping[tuple[str, str], tuple[Package, FileEntry]], store: Store, folder: Path) -> None:
    """Link wheels under their file names in a folder.

    The links are symbolic, except on Windows, because the wheels may be gigabytes on another filesystem.
    """
    folder.mkdir(parents=True)
    for _package, entry in wheels.values():
        if sys.platform == "win32":  # pragma: no cover - links need a privilege only there
            store.link(entry, folder / entry.inner)
        else:
            os.symlink(store.path(entry.sha256), folder / entry.inner)
