"""Second copies of what proves where a release came from: manifest, checksums, signatures.

They lie under ``state/proofs/<SHA-256 of the manifest>/``, so that damage to a release does not leave its
repair without proof. A copy vouches for nothing by itself: whoever reads it verifies the signatures again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bundle.digest import sha256_bytes
from bundle.manifest import MANIFEST_LIMIT
from bundle.manifest import NAME as MANIFEST_NAME
from bundle.opening import SUMS
from shared import reading
from shared.files import aside, files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

LEAST = 3  # manifest, checksums and one signature


def folder(prefix: Prefix) -> Path:
    """Return the folder of all second copies."""
    return prefix.state / "proofs"


def place(prefix: Prefix, manifest_sha256: str) -> Path:
    """Return the folder of a manifest's second copy."""
    return folder(prefix) / manifest_sha256


def read(place: Path) -> dict[str, bytes]:
    """Return the metadata in a folder by name; empty where there are none."""
    paths = [place / MANIFEST_NAME, place / SUMS, *sorted(place.glob(f"{SUMS}.*.sig"))]
    return {path.name: reading.read(path, MANIFEST_LIMIT) for path in paths if reading.is_regular(path)}


def are_twice(prefix: Prefix, release: Release) -> bool:
    """Tell whether the second copy is as the release's own; where that one is damaged, another check tells."""
    try:
        own = read(release.bundle)
        if MANIFEST_NAME not in own:
            return True
        return read(place(prefix, sha256_bytes(own[MANIFEST_NAME]))) == own or len(own) < LEAST
    except OSError:
        return False


def keep(prefix: Prefix, metadata: Mapping[str, bytes]) -> None:
    """Make the second copy hold these metadata; whoever seals the release makes it last."""
    target = place(prefix, sha256_bytes(metadata[MANIFEST_NAME]))
    if target.is_dir() and not target.is_symlink() and read(target) == metadata:
        return
    beside = prefix.state / f".proof.{os.getpid()}.tmp"
    files.remove_tree(beside)
    beside.mkdir(parents=True, mode=0o700)
    for name, data in metadata.items():
        (beside / name).write_bytes(data)
    files.remove_tree(target)
    aside.clear(target.parent, folder=True)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    files.replace(beside, target)


def collect(prefix: Prefix, kept: Iterable[Release]) -> None:
    """Remove the copies that belong to no kept release."""
    copies = folder(prefix)
    wanted = tuple(release.order[1] for release in kept)
    for path in list(copies.iterdir()) if copies.is_dir() else ():
        if not path.name.startswith(wanted):
            files.remove_tree(path)
