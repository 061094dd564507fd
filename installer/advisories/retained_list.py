"""The advisories of earlier snapshots still apply: judging by them, and retaining them before a later snapshot counts.

The retained list grows before a later snapshot comes into force, so that no crash between the two loses an advisory.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from bundle.advisories.retained import entries
from installer.advisories import known, sequences, shrinking
from installer.advisories.kinds import EXCEPTIONS, SNAPSHOTS
from installer.advisories.stored import available, here, in_force, mirror, missing, of_release
from installer.release.installation import Installation, active
from shared import troubles
from shared.errors import BusyError, RagtraceError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.advisories.matcher import Doubt, Finding, Installed
    from bundle.advisories.retained.entries import Retained
    from bundle.advisories.snapshot import Snapshot
    from installer.advisories.kinds import Stored
    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores


def read(installation: Installation, trust_stores: TrustStores) -> Retained:
    """Return the retained list. Raises TrustError if a recorded one is missing, or one cannot be read."""
    return known.of(installation, trust_stores).retained(mirror(installation.prefix))


def findings(
    current: Snapshot, places: Mapping[str, list[Installed]], installation: Installation, trust_stores: TrustStores
) -> tuple[Finding | Doubt, ...]:
    """Return what only earlier snapshots had about the packages of each place, each advisory by itself.

    Raises TrustError if the retained list or an older snapshot cannot be read.
    """
    shared = known.of(installation, trust_stores)
    retained = shared.retained(mirror(installation.prefix))
    names = {canonicalize_name(one.name) for packages in places.values() for one in packages}
    others = [*available(SNAPSHOTS, installation, trust_stores), *shared.snapshots()]
    for other in {one.sha256: one for one in others}.values():
        if _counts(other.value, current, retained):
            retained = entries.learnt(retained, other.value, current, names)
    return tuple(replace(one, where=where) for where, packages in places.items() for one in retained.judge(packages))


def _counts(other: Snapshot, current: Snapshot, retained: Retained) -> bool:
    """Return whether a snapshot is another one than the current one, and no signed reason replaced it."""
    return other.sha256 != current.sha256 and other.sha256 not in retained.superseded


def learn(later: Snapshot, installation: Installation, trust_stores: TrustStores) -> Retained:
    """Return the retained list with what a snapshot that comes into force lessens of all that are here.

    Raises TrustError if the list is damaged or full, if what is here cannot be read, or if the snapshot is malformed.
    """
    retained = read(installation, trust_stores)
    for other in {one.sha256: one for one in here(installation, trust_stores)}.values():
        if _counts(other.value, later, retained):
            retained = entries.learnt(retained, other.value, later)
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


def anew(snapshot: Snapshot, installation: Installation, trust_stores: TrustStores) -> Retained:
    """Return the list with which a host begins anew: nothing that it knew counts beside this snapshot."""
    shared = known.of(installation, trust_stores)
    before: tuple[str, ...] = ()
    with contextlib.suppress(TrustError):  # a list that cannot be read is what an acceptance replaces
        before = shared.retained(mirror(installation.prefix)).superseded
    found = [*shared.recorded(), *shared.lists()]
    with contextlib.suppress(TrustError):
        found += [one.sha256 for one in here(installation, trust_stores)]
    added = [one for one in dict.fromkeys(found) if one not in (snapshot.sha256, *before)]
    return replace(entries.NONE, superseded=(*before, *added)[-entries.SUPERSEDED_LIMIT :])


def save(snapshot: Stored[Any], signatures: Mapping[str, bytes], retained: Retained, shared: known.Known) -> str | None:
    """Store a snapshot and the retained list in the trust folder; return a warning if that fails.

    Raises BusyError if another run has just changed them.
    """
    try:
        shared.save(snapshot, signatures, retained)
    except BusyError:
        raise
    except (OSError, RagtraceError) as error:
        return _("{path}: what this host knows of advisories was not recorded outside the prefix ({reason}).").format(
            path=shared.trust_stores.own, reason=troubles.described(error)
        )
    return None


def prepare(release: Installation, trust_stores: TrustStores, now: datetime | None = None) -> str | None:
    """Learn what a release that will be activated lessens, and record it; return a warning if that cannot be stored.

    Raises TrustError if its snapshot is malformed or its number far ahead, or if what is here cannot be compared.
    """
    mine = of_release(SNAPSHOTS, release)
    if mine is not None:
        shrinking.require_sound(mine.value)
        latest = max(now or datetime.now(timezone.utc), _date_of(release))
        highest = sequences.highest(SNAPSHOTS.role, release, trust_stores)
        shrinking.require_near(SNAPSHOTS.sequence(mine.value), highest, latest)
    return _learn(release, trust_stores)


def _date_of(release: Installation) -> datetime:
    return datetime.fromtimestamp(release.manifest.created_epoch, timezone.utc)


def settle(prefix: Prefix, trust_stores: TrustStores) -> str | None:
    """Record what a prefix knows before a command changes or removes its releases; return a warning if that fails."""
    try:
        release = _any_release(prefix)
        return None if release is None else _learn(release, trust_stores)
    except (OSError, RagtraceError) as error:
        return _("What this installation knows of advisories was not recorded: {reason}").format(
            reason=troubles.described(error)
        )


def _any_release(prefix: Prefix) -> Installation | None:
    """Return the active release, or, if it is damaged, another one of the same product."""
    for release in filter(None, (prefix.active(), *reversed(prefix.complete_releases()))):
        with contextlib.suppress(OSError, RagtraceError):
            return Installation(prefix, release, release.manifest())
    return None


def _learn(installation: Installation, trust_stores: TrustStores) -> str | None:
    """Record the newest snapshot that is trusted here, and what it lessens of all others; return a warning."""
    shared = known.of(installation, trust_stores)
    snapshots = {one.sha256: one for one in here(installation, trust_stores)}
    if not snapshots:
        return None
    try:
        gone = missing(snapshots.values(), shared, installation)
        if gone:
            raise known.lost(gone)
        later = _newest_trusted(installation, trust_stores)
        if later is None or (set(snapshots) == set(shared.recorded()) == {later.sha256}):
            return None
        retained = learn(later.value, installation, trust_stores)
    except known.LostError as error:  # the record stays, so that this host goes on asking for it
        return _("What this host knows of advisories is not complete: {reason}").format(
            reason=troubles.described(error)
        )
    known.write_mirror(mirror(installation.prefix), retained)
    signed = {} if later.signed is None else later.signed.signatures
    return save(later, {name.split(".")[-2]: data for name, data in signed.items()}, retained, shared)


def _newest_trusted(installation: Installation, trust_stores: TrustStores) -> Stored[Any] | None:
    """Return the newest snapshot, without an update whose signers a policy has dropped."""
    try:
        return in_force(SNAPSHOTS, installation, trust_stores)
    except known.LostError:
        raise
    except TrustError:
        return of_release(SNAPSHOTS, installation)


def remember(prefix: Prefix, trust_stores: TrustStores) -> str | None:
    """Record the sequence numbers of the files that a new active release has; return a warning if that fails."""
    try:
        release = active(prefix)
        if release is None:
            return None
        found = {kind.role: of_release(kind, release) for kind in (SNAPSHOTS, EXCEPTIONS)}
        kinds = {kind.role: kind for kind in (SNAPSHOTS, EXCEPTIONS)}
        numbers = {role: kinds[role].sequence(one.value) for role, one in found.items() if one is not None}
        return sequences.remember(numbers, release, trust_stores) or settle(prefix, trust_stores)
    except (OSError, RagtraceError) as error:
        return troubles.described(error)
