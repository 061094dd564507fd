"""The snapshot and the exceptions that are in force.

A release has the files that its manifest lists; ``advisories update`` writes newer ones, whose signatures are verified
at every use, to PREFIX/state/advisories. This host's trust folder has a copy of the newest snapshot (known.py). The
file with the highest sequence number is in force.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from bundle import digest
from bundle.advisories.retained import entries
from bundle.manifest import KINDS
from bundle.signing.signature import SIGNATURE_LIMIT
from installer.advisories import known, sequences
from installer.advisories.kinds import (
    DIGITS,
    FOLDER,
    SNAPSHOTS,
    Signed,
    Stored,
    judge_file,
    names_of,
    policies,
    read_file,
)
from installer.release import tools_environment
from installer.release.installation import Installation
from shared import troubles
from shared.errors import RagtraceError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry
    from installer.advisories.kinds import Kind, T
    from installer.advisories.known import Known
    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores


def in_force(kind: Kind[T], installation: Installation, trust_stores: TrustStores) -> Stored[T] | None:
    """Return the newest file of the release, its update, the other releases and this host, or None if none exists.

    An update is verified against the policies of this host and of the prefix. Exceptions of other releases count only
    if those here are older than what this host accepted. Raises TrustError if a file differs from what was signed, or
    if one that this host accepted is missing: it is never skipped silently.
    """
    found = available(kind, installation, trust_stores)
    if kind is SNAPSHOTS:
        return _newest(found, installation, trust_stores)
    highest = sequences.highest(kind.role, installation, trust_stores) if found else 0
    if found and kind.sequence(found[-1].value) < highest:
        found = sorted([*found, *of_other_releases(kind, installation)], key=lambda one: kind.sequence(one.value))
    if found and kind.sequence(found[-1].value) < highest:
        raise TrustError(
            _("{name} has sequence number {sequence}, but this host has accepted {highest}.").format(
                name=kind.name, sequence=kind.sequence(found[-1].value), highest=highest
            ),
            advice=_("Transfer the signed file with that number or a newer one and run `advisories update FILE`."),
        )
    return found[-1] if found else None


def _newest(found: list[Stored[Any]], installation: Installation, trust_stores: TrustStores) -> Stored[Any] | None:
    """Return the newest snapshot, given those of the release and its update.

    Raises TrustError if one that this host accepted is missing, or if this host's copy is the newest and not trusted.
    """
    shared = known.of(installation, trust_stores)
    here = [*shared.snapshots(), *of_other_releases(SNAPSHOTS, installation), *found]
    gone = missing(here, shared, installation)
    if gone:
        raise known.lost(gone)
    # of equal ones, the release's counts
    newest = max(reversed(here), key=lambda one: SNAPSHOTS.sequence(one.value), default=None)
    if newest is not None and newest.signed is not None and all(newest is not one for one in found):
        judge_file(SNAPSHOTS, newest.signed, policies(installation.prefix, trust_stores))
    return newest


def missing(here: Iterable[Stored[Any]], shared: Known, installation: Installation) -> list[tuple[str, int]]:
    """Return the SHA-256, or "", and the sequence number of each snapshot that this host accepted and that is not here.

    One that a signed reason replaced does not count.
    """
    numbers = {one.sha256: SNAPSHOTS.sequence(one.value) for one in here}
    gone = [(sha256, number) for sha256, number in shared.recorded().items() if sha256 not in numbers]
    highest = sequences.highest(SNAPSHOTS.role, installation, shared.trust_stores)
    if highest > max([*numbers.values(), *(number for _sha256, number in gone)], default=0):
        gone.append((sequences.digest_in_audit_log(SNAPSHOTS.role, highest, installation), highest))
    if not gone:
        return []
    replaced = shared.retained(mirror(installation.prefix)).superseded
    return [(sha256, number) for sha256, number in gone if sha256 not in replaced]


def mirror(prefix: Prefix) -> Path:
    """Return the path of the prefix's own copy of the retained list."""
    return folder_of(prefix) / entries.NAME


def here(installation: Installation, trust_stores: TrustStores) -> Iterator[Stored[Any]]:
    """Yield all snapshots, whoever signed them: comparing a later one with them can only make a host stricter.

    A damaged one of a release is read from the store. Raises TrustError if that is damaged too, and nothing on this
    host records what was known.
    """
    shared = known.of(installation, trust_stores)
    yield from shared.snapshots()
    for one in (installation, *_others(installation)):
        try:
            found = of_release(SNAPSHOTS, one)
        except TrustError:
            found = _in_store(one)
            if found is None and not shared.recorded():
                raise
        if found is not None:
            yield found
    updated = of_update_unjudged(SNAPSHOTS, installation.prefix)
    if updated is not None:
        yield updated


def _in_store(installation: Installation) -> Stored[Any] | None:
    """Return the intact copy of a release's snapshot in the store, or None."""
    entry = _entry(SNAPSHOTS, installation)
    with contextlib.suppress(OSError, TrustError):
        if entry is not None:
            data = read_file(installation.store.path(entry.sha256), SNAPSHOTS.limit)
            if digest.sha256_bytes(data) == entry.sha256:
                return Stored(SNAPSHOTS.read(data), entry.sha256, updated=False)
    return None


def available(kind: Kind[T], installation: Installation, trust_stores: TrustStores) -> list[Stored[T]]:
    """Return the release's file and the updated one, where they exist, the newest last.

    Raises TrustError if one differs from what was signed.
    """
    added, updated = of_release(kind, installation), of_update(kind, installation.prefix, trust_stores)
    # of two equal ones, the release's counts
    return sorted((one for one in (updated, added) if one is not None), key=lambda one: kind.sequence(one.value))


def of_other_releases(kind: Kind[T], installation: Installation) -> Iterator[Stored[T]]:
    """Yield the intact files of the other releases in the prefix: after a rollback, the newest may be among them."""
    for other in _others(installation):
        with contextlib.suppress(RagtraceError, OSError):
            found = of_release(kind, other)
            if found is not None:
                yield found


def _others(installation: Installation) -> Iterator[Installation]:
    for release in installation.prefix.complete_releases():
        with contextlib.suppress(RagtraceError, OSError):
            if release != installation.release:
                yield Installation(installation.prefix, release, release.manifest())


def _entry(kind: Kind[Any], installation: Installation) -> FileEntry | None:
    return installation.manifest.entry(f"{KINDS[tools_environment.VERIFICATION]}/{FOLDER}/{kind.name}")


def of_release(kind: Kind[T], installation: Installation) -> Stored[T] | None:
    """Return the release's file, verified against its manifest, or None if the manifest lists none."""
    entry = _entry(kind, installation)
    if entry is None:
        return None
    path = tools_environment.stored_at(installation.release, entry)
    try:
        data = read_file(path, kind.limit)
    except OSError as error:
        raise spoiled(path, troubles.reason(error, troubles.READING, path=path)) from error
    if digest.sha256_bytes(data) != entry.sha256:
        raise spoiled(path, _("it differs from the signed file"))
    return Stored(kind.read(data), entry.sha256, updated=False)


def of_update(kind: Kind[T], prefix: Prefix, trust_stores: TrustStores) -> Stored[T] | None:
    """Return the file that an update installed, or None. Raises TrustError unless enough keys of its role signed it."""
    path = folder_of(prefix) / kind.name
    try:
        os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:  # a file that this user may not inspect is not skipped
        raise spoiled_update(path, troubles.reason(error, troubles.READING, path=path)) from error
    try:
        data = read_file(path, kind.limit)
        sha256 = digest.sha256_bytes(data)
        start = f"{kind.name}.{sha256[:DIGITS]}."
        signatures = {name: read_file(path.with_name(name), SIGNATURE_LIMIT) for name in names_of(path.parent, start)}
    except OSError as error:
        raise spoiled_update(path, troubles.reason(error, troubles.READING, path=path)) from error
    if not signatures:  # their names contain the digest of the bytes that they sign
        raise spoiled_update(path, _("it differs from the signed file"))
    signed = Signed(data, signatures)
    judge_file(kind, signed, policies(prefix, trust_stores))
    return Stored(kind.read(data), sha256, updated=True, signed=signed)


def of_update_unjudged(kind: Kind[T], prefix: Prefix) -> Stored[T] | None:
    """Return the file that an update installed, whoever signed it, or None if there is none that is intact.

    It only makes the comparison with a later file stricter: a policy may have dropped its signer since.
    """
    try:
        data = read_file(folder_of(prefix) / kind.name, kind.limit)
        sha256 = digest.sha256_bytes(data)
        if not names_of(folder_of(prefix), f"{kind.name}.{sha256[:DIGITS]}."):
            return None  # it differs from what was signed
        return Stored(kind.read(data), sha256, updated=True)
    except (OSError, TrustError):
        return None


def folder_of(prefix: Prefix) -> Path:
    """Return the folder in which updates are stored."""
    return prefix.state / FOLDER


def spoiled(path: Path, reason: str) -> TrustError:
    """Return the error for a file of a release that cannot be read or differs from what was signed."""
    return TrustError(
        _("{path}: {reason}.").format(path=path, reason=reason), advice=_("Repair the installation with recover.")
    )


def spoiled_update(path: Path, reason: str) -> TrustError:
    """Return the error for a file that an update installed; recover has no copy of it, but can restore its folder."""
    if not path.parent.is_dir():
        return spoiled(path, reason)
    return TrustError(
        _("{path}: {reason}.").format(path=path, reason=reason),
        advice=_("Transfer the signed file again and run `advisories update FILE`."),
    )
