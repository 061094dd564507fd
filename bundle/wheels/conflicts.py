"""Conflicts: the manifest specifies whose file is installed where the contents of several wheels differ.

uv installs wheels in parallel, so without that the winner would be a matter of chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.manifest import NAME
from bundle.reading.medium import damaged
from bundle.wheels import overlaps
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from bundle.manifest import Manifest
    from bundle.product.conflict import Conflict
    from shared.errors import TrustError


def decided(
    manifest: Manifest, wheels: Iterable[tuple[Path, str]], only: Collection[str] | None = None
) -> list[Conflict]:
    """Return the conflicts between wheels of a manifest, each (path, path in the bundle), for this host.

    ``only`` names the packages of the wheels if they are not all. Raises TrustError if the manifest does not decide a
    conflict, names other packages for it, or decides one that the wheels do not have.
    """
    known = {conflict.path: conflict for conflict in manifest.conflicts}
    packages = {package.wheel: package.name for package in manifest.packages}
    found = []
    for overlap in overlaps.find(wheels, manifest.target.python):
        path = overlap.path[len(overlaps.ROOT) + 1 :]
        if overlap.is_same:
            continue
        conflict = known.get(path)
        if conflict is None:
            raise overlap.refusal()
        owners = {packages[wheel] for wheel in overlap.wheels}
        wanted = set(conflict.packages) if only is None else {*conflict.packages} & {*only}
        if owners != wanted:
            raise _wrong(conflict)
        found.append(conflict)
    if only is None and len(found) != len(manifest.conflicts):
        raise _wrong(next(conflict for conflict in manifest.conflicts if conflict not in found))
    return found


def _wrong(conflict: Conflict) -> TrustError:
    reason = _("{path!r} is not a file that {packages} install with different contents")
    return damaged(f"{NAME}.conflicts", reason.format(path=conflict.path[:200], packages=", ".join(conflict.packages)))
