"""The files of a release that the store lacks, and intact copies of them elsewhere on this host."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bundle.digest import sha256_file
from bundle.opening import INSTALLER_MEMBER
from installer.layout.location import own_command
from installer.layout.store import Store
from installer.release.stage import counterpart
from recovery.inspection.finding import Finding
from shared.i18n import _
from validator.finding_kinds import STORE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.digests import Digests


def find_lacking(
    prefix: Prefix, manifest: Manifest, digests: Digests, unread: Collection[FileEntry] = ()
) -> tuple[FileEntry, ...]:
    """Return the files of a manifest that the store should hold but that are missing or damaged there.

    With the cache ``digests``, weights that are hard-linked into a release are read only once. Files in ``unread`` are
    compared by size only.
    """
    store, by_size = Store(prefix.store), {entry.path for entry in unread}

    def is_there(entry: FileEntry) -> bool:
        try:
            is_right = store.has_size_of(entry)
            return is_right and (entry.path in by_size or digests(store.path(entry.sha256)) == entry.sha256)
        except OSError:
            return False

    entries = [entry for entry in manifest.files if entry.is_stored]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        there = list(pool.map(is_there, entries))
    return tuple(entry for entry, found in zip(entries, there) if not found)


def find_spare(prefix: Prefix, release: Release, lacking: tuple[FileEntry, ...]) -> dict[str, Path]:
    """Return the paths of intact copies of lacking files on this host, by digest.

    Copies are looked for in the releases, in the user's data (source files) and in the running zipapp (the installer).
    """
    found = {}
    running = own_command.zipapp()
    others = [other for other in prefix.complete_releases() if other.id != release.id]
    for entry in lacking:
        places = [counterpart(stored, entry) for stored in (release, *others)]
        if entry.kind == "source":
            places.append(prefix.data / entry.inner)
        if entry.path == INSTALLER_MEMBER:
            places.append(running)
        for place in places:
            try:
                if place and sha256_file(place, limit=entry.size) == (entry.sha256, entry.size):
                    found[entry.sha256] = place
                    break
            except OSError:
                continue
    return found


def missing(prefix: Prefix, lacking: tuple[FileEntry, ...]) -> Iterator[Finding]:
    """Yield one finding for all files that the store lacks."""
    if lacking:
        details = _("stored files are missing or damaged in {path}").format(path=prefix.store)
        yield Finding(STORE, "", details, tuple(entry.path for entry in lacking))
