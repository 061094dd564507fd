"""The disk space that a change takes, by folder, for the commands that refuse a change and the checks that warn."""

from __future__ import annotations

import contextlib
import zipfile
from typing import TYPE_CHECKING

from installer.change import migration
from installer.layout.store import OWN_COPY_LIMIT, Store
from installer.userdata import backups, userdata
from shared import reading
from shared.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix

RESERVE = 64 << 20  # bytes left free for logs, the journal and the filesystem itself
BYTECODE_SHARE = 0.35  # of the installed bytes: the most that compiling at acceptance adds, measured on 48,000 files
FILES_RESERVE = 1000  # inodes


def needed_bytes(manifest: Manifest) -> int:
    """Return how many bytes an installation takes at most: stored files, the release, bytecode, a reserve."""
    return manifest.total_bytes + of_release(manifest) + RESERVE


def of_release(manifest: Manifest) -> int:
    """Return how many bytes a new release takes at most, in addition to the store."""
    return int(manifest.installed_bytes * (1 + BYTECODE_SHARE)) + _own_copies(manifest)


def _own_copies(manifest: Manifest) -> int:
    """Return the size in bytes of a release's copies of stored files (``Store.stage``), which no manifest counts."""
    kinds = ("model", "plugin", "verification", "lock")
    return sum(entry.size for entry in manifest.files if entry.kind in kinds and entry.size <= OWN_COPY_LIMIT)


def of_whole_repair(manifest: Manifest) -> int:
    """Return how many bytes a repair takes if it rebuilds the whole release."""
    return of_release(manifest) + RESERVE


def of_repair(manifest: Manifest, prefix: Prefix, packages: Collection[str] | None) -> int:
    """Return how many bytes a repair takes if it reinstalls ``packages`` (None: all of them); the rest is linked."""
    if packages is None:
        return of_whole_repair(manifest)
    wheels = {package.wheel for package in manifest.packages if package.name in packages}
    store = Store(prefix.store)
    again = sum(_unpacked(store.path(entry.sha256)) for entry in manifest.of_kind("wheel") if entry.path in wheels)
    written = sum(entry.size for entry in manifest.of_kind("source")) + _own_copies(manifest)
    return int(again * (1 + BYTECODE_SHARE)) + written + RESERVE


def shares(manifest: Manifest, prefix: Prefix) -> list[tuple[Path, int]]:
    """Return how many bytes an installation takes in each folder of a prefix, any of which may be a mount point."""
    return [
        (prefix.root, RESERVE),
        (prefix.store, manifest.total_bytes),
        (prefix.releases, of_release(manifest)),
        *_copies(manifest, prefix),
    ]


def _copies(manifest: Manifest, prefix: Prefix) -> Iterator[tuple[Path, int]]:
    """Yield each folder that the user's data is copied to, with the size; the finding on the backup reports errors."""
    with contextlib.suppress(OSError):
        yield prefix.backups, backups.needed_bytes(prefix)
        yield prefix.root, userdata.size(prefix.data) if _migrates(manifest, prefix) else 0


def _unpacked(wheel: Path) -> int:
    """Return the unpacked size of a stored wheel, or 0 if it is damaged, which installing it reports."""
    try:
        with reading.opened(wheel) as file, zipfile.ZipFile(file) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (OSError, zipfile.BadZipFile):
        return 0


def _migrates(manifest: Manifest, prefix: Prefix) -> bool:
    try:
        return migration.is_due(manifest, prefix)
    except HostError:
        return False
