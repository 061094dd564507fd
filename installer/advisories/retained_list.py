"""What this host knows from earlier snapshots: the retained list, and older snapshots that are still here.

The list is ``retained.json`` in PREFIX/state/advisories. It grows before a later snapshot comes into force, so that no
crash between the two loses an advisory.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from bundle.advisories.retained import entries
from installer.advisories import sequences
from installer.advisories.stored import (
    EXCEPTIONS,
    SNAPSHOTS,
    available,
    folder_of,
    of_other_releases,
    of_release,
    of_update_unjudged,
    read_file,
)
from installer.release.installation import Installation, active
from shared import troubles
from shared.errors import RagtraceError, TrustError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bundle.advisories.matcher import Doubt, Finding, Installed
    from bundle.advisories.retained.entries import Retained
    from bundle.advisories.snapshot import Snapshot
    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores


def path_of(prefix: Prefix) -> Path:
    """Return the path of the retained list."""
    return folder_of(prefix) / entries.NAME


def read(prefix: Prefix) -> Retained:
    """Return the retained list, which is empty if its file is missing. Raises TrustError if it cannot be read."""
    path = path_of(prefix)
    try:
        return entries.read_retained(read_file(path, entries.LIMIT))
    except FileNotFoundError:
        return entries.NONE
    except (OSError, TrustError) as error:
        reason = error.what if isinstance(error, TrustError) else troubles.reason(error, troubles.READING, path=path)
        raise TrustError(
            _("{path}: {reason}.").format(path=path, reason=reason.rstrip(".")),
            advice=_(
                "Restore this file from a copy. If there is no copy, request a signed reason that names the "
                "snapshot's SHA-256, then run `advisories update FILE`."
            ),
        ) from error


def write(prefix: Prefix, retained: Retained) -> None:
    """Write the retained list unless it is empty and has no file."""
    path = path_of(prefix)
    data = retained.to_bytes()
    if retained == entries.NONE and not path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    files.write_atomic(path, data)


def findings(
    current: Snapshot, places: Mapping[str, list[Installed]], installation: Installation, trust_stores: TrustStores
) -> tuple[Finding | Doubt, ...]:
    """Return what only earlier snapshots had about the packages of each place, each advisory by itself.

    Raises TrustError if the retained list or an older snapshot cannot be read.
    """
    retained = read(installation.prefix)
    names = {canonicalize_name(one.name) for packages in places.values() for one in packages}
    for other in available(SNAPSHOTS, installation, trust_stores):
        if _counts(other.value, current, retained):
            retained = entries.learnt(retained, other.value, current, names)
    return tuple(replace(one, where=where) for where, packages in places.items() for one in retained.judge(packages))


def _counts(other: Snapshot, current: Snapshot, retained: Retained) -> bool:
    """Return whether a snapshot is another one than the current one, and no signed reason replaced it."""
    return other.sha256 != current.sha256 and other.sha256 not in retained.superseded


def learn(later: Snapshot, installation: Installation) -> Retained:
    """Return the retained list with what a snapshot that comes into force lessens of all that are here.

    Raises TrustError if the list is damaged or full, or if the snapshot is malformed.
    """
    retained = read(installation.prefix)
    for other in _readable(installation):
        if _counts(other, later, retained):
            retained = entries.learnt(retained, other, later)
    if len(retained.entries) > entries.ENTRIES_LIMIT or len(retained.to_bytes()) > entries.LIMIT:
        raise TrustError(
            _("Too many advisories of earlier snapshots are missing from later ones: {count}.").format(
                count=len(retained.entries)
            ),
            advice=_(
                "Do not use this snapshot; request a complete one, or a signed reason that names its SHA-256: {digest}"
            ).format(digest=later.sha256),
        )
    return retained


def _readable(installation: Installation) -> Iterator[Snapshot]:
    """Yield the snapshots that are here; a damaged one, which a new one replaces, is left out."""
    with contextlib.suppress(TrustError):
        added = of_release(SNAPSHOTS, installation)
        if added is not None:
            yield added.value
    updated = of_update_unjudged(SNAPSHOTS, installation.prefix)
    if updated is not None:
        yield updated.value
    for other in of_other_releases(SNAPSHOTS, installation):  # after a rollback, the newest may be among them
        yield other.value


def accept(snapshot: Snapshot, installation: Installation) -> None:
    """Begin anew: no advisories of the snapshots on this host apply besides those of this one."""
    before: tuple[str, ...] = ()
    with contextlib.suppress(TrustError):  # a list that cannot be read is what an acceptance replaces
        before = read(installation.prefix).superseded
    here = [one.sha256 for one in _readable(installation) if one.sha256 not in (snapshot.sha256, *before)]
    write(installation.prefix, replace(entries.NONE, superseded=(*before, *here)[-entries.SUPERSEDED_LIMIT :]))


def prepare(installation: Installation, trust_stores: TrustStores) -> str | None:
    """Retain what the snapshot of a release that will be activated lessens; return a warning if that fails."""
    here = None
    with contextlib.suppress(OSError, RagtraceError):  # a damaged release, which is replaced
        here = active(installation.prefix)
    try:
        found = available(SNAPSHOTS, installation, trust_stores)
        if found:
            write(installation.prefix, learn(found[-1].value, here or installation))
    except (OSError, RagtraceError) as error:
        return _("The advisories that earlier snapshots listed could not be retained: {reason}").format(
            reason=troubles.described(error)
        )
    return None


def remember(prefix: Prefix, trust_stores: TrustStores) -> str | None:
    """Record the sequence numbers of the files that a new active release has; return a warning if that fails."""
    try:
        installation = active(prefix)
        if installation is None:
            return None
        found = {kind.role: of_release(kind, installation) for kind in (SNAPSHOTS, EXCEPTIONS)}
        kinds = {kind.role: kind for kind in (SNAPSHOTS, EXCEPTIONS)}
        numbers = {role: kinds[role].sequence(one.value) for role, one in found.items() if one is not None}
        return sequences.remember(numbers, installation, trust_stores)
    except (OSError, RagtraceError) as error:
        return troubles.described(error)
