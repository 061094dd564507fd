"""The releases that a prefix retains, its previous version, and the releases that an activation removes.

The retained releases are the active one, the most recent one of another version (the previous version), and the one
that the newest backup of another version needs. A manifest identifies a version, so repairs and repeated installations
of the active version do not displace the previous one. A release that is still running is removed once its processes
have exited; an installation that would leave more than ``MOST_IN_USE`` such releases is refused (docs/adr/0025).
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from installer.layout import in_use, proofs, seal
from installer.layout.store import Store
from installer.userdata import backups, userdata
from shared import reading
from shared.errors import RagtraceError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

MOST_IN_USE = 3


@dataclass(frozen=True)
class PlannedRemoval:
    """A release to be removed: its version, the data set aside for it alone, and the processes that run it.

    ``is_replaced`` is set if another release of the same version replaces it.
    """

    release: str
    version: str
    data: Path | None = None
    users: tuple[int, ...] = ()
    is_replaced: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "version": self.version,
            "data": str(self.data) if self.data else None,
            "replaced": self.is_replaced,
            "processes": list(self.users),
        }


@dataclass(frozen=True)
class Collected:
    """The result of a collection: the removed releases, and those that remain because they are still running."""

    gone: tuple[PlannedRemoval, ...] = ()
    in_use: tuple[PlannedRemoval, ...] = ()


def sentence(gone: PlannedRemoval) -> str:
    """Return the sentence to show before a release is removed."""
    if gone.is_replaced and gone.data is not None:
        text = _(
            "{release} and its data in {path} will be removed: the new release replaces it and uses the current data."
        )
        return text.format(release=gone.release, path=gone.data)
    if gone.is_replaced:
        return _("{release} will be removed: the new release replaces it.").format(release=gone.release)
    if gone.data is not None:
        return _("{release} ({version}) and its data in {path} will be removed and cannot be rolled back to.").format(
            release=gone.release, version=gone.version, path=gone.data
        )
    return _("{release} ({version}) will be removed and cannot be rolled back to.").format(
        release=gone.release, version=gone.version
    )


def unmark_damaged(prefix: Prefix, release: Release) -> None:
    """Remove the mark of a damaged release, so that it cannot be a rollback target; the next collection removes it.

    The audit log has its receipt under its name, so no other release may get that; a full disk does not prevent this.
    """
    with contextlib.suppress(OSError):
        prefix.retire_name(release)
    if reading.is_folder(release.path):
        seal.unmark(release)


def remember_previous(prefix: Prefix, active: Release, former: str | None) -> None:
    """Record the release that was active before one of another version, as the previous version."""
    release = prefix.release(former) if former else None
    if release is not None and (release.version_key == active.version_key or release == remembered(prefix)):
        return
    files.write_atomic(prefix.previous_file, f"{release.id if release else ''}\n".encode())


def previous(prefix: Prefix) -> Release | None:
    """Return the previous version: the last release whose version differs from the active one's, or None."""
    return previous_beside(prefix, prefix.active())


def previous_beside(prefix: Prefix, active: Release | None, damaged: Release | None = None) -> Release | None:
    """Return the previous version if ``active`` were the active release and ``damaged`` did not exist, or None."""
    without_mark = unmarked(prefix)
    complete = [*prefix.complete_releases(), *([without_mark] if without_mark else [])]
    complete = [release for release in complete if release != damaged]
    others = [release for release in complete if active is None or release.version_key != active.version_key]
    last = remembered(prefix)
    same = [release for release in others if last is not None and release.version_key == last.version_key]
    if last in same:
        return last
    return next(iter([*reversed(same), *reversed(others)]), None)


def unmarked(prefix: Prefix) -> Release | None:
    """Return the previous version if it or its mark is lost, although no command discarded it; otherwise None.

    A second copy of its manifest exists, so a rollback may be able to rebuild it; therefore its files are retained.
    """
    release = remembered(prefix)
    if release is None or release.is_complete or release == prefix.named():
        return None
    if os.path.lexists(release.discarded_file) or not proofs.copies_of(prefix, release):
        return None
    return release


def remembered(prefix: Prefix) -> Release | None:
    """Return the release that ``state/previous`` names, the last active one of another version, or None."""
    try:
        return prefix.release(reading.read(prefix.previous_file, reading.LINES).decode("utf-8").strip())
    except (OSError, ValueError, RagtraceError):
        return None


def retained(prefix: Prefix) -> dict[str, Release]:
    """Return the releases to retain, by name; all complete ones if none is active."""
    active = prefix.active()
    if active is None:
        return _named(*prefix.complete_releases())
    return _named(active, previous(prefix), backups.pinned(prefix))


def _named(*releases: Release | None) -> dict[str, Release]:
    return {release.id: release for release in releases if release is not None}


def planned_removals(prefix: Prefix, coming: Release, *, is_damaged: bool = False) -> tuple[PlannedRemoval, ...]:
    """Return the releases to be removed when ``coming``, which may not be built yet, becomes active; writes nothing.

    ``is_damaged`` is set if the active release is damaged, and therefore not the previous version.
    """
    active = prefix.active()
    if is_damaged or active is None or active.version_key == coming.version_key:
        previous, pinned = previous_beside(prefix, coming, active), backups.pinned_beside(prefix, coming, active)
    else:
        previous = active
        # the backup before the change pins the active release
        pinned = active if backups.holds_anything(prefix) else backups.pinned_beside(prefix, coming)
    stays = _named(coming, previous, pinned)
    rest = [release for release in prefix.complete_releases() if release.id not in stays]
    waiting = [release for release in prefix.all_releases() if not release.is_complete and not in_use.is_free(release)]
    return tuple(_going(prefix, release, [*stays.values()]) for release in (*waiting, *rest))


def _going(prefix: Prefix, release: Release, stays: list[Release]) -> PlannedRemoval:
    """Describe a release to be removed; the first of ``stays`` will be the active one."""
    is_replaced = release.version_key in {other.version_key for other in stays}
    is_stored = release.version_key in {other.version_key for other in stays[1:]}  # the one that stays needs its data
    try:
        version = release.manifest().product.version
    except (RagtraceError, OSError):
        version = ""  # a damaged release
    data = None if is_stored else userdata.waiting(prefix, release)
    return PlannedRemoval(release.id, version, data, in_use.users(release), is_replaced)


def too_many(prefix: Prefix, coming: Release) -> tuple[PlannedRemoval, ...]:
    """Return the running releases whose removal an installation would postpone, or () if they are within the limit."""
    found = [gone for gone in planned_removals(prefix, coming) if not in_use.is_free(prefix.release(gone.release))]
    return tuple(found) if len(found) > MOST_IN_USE else ()


def collect(prefix: Prefix) -> Collected:
    """Remove the releases that are not retained, and the files that only they needed; a running release remains.

    Nothing is removed if such releases exist while no release is active, because recover may need one of them.
    """
    wanted = retained(prefix)
    rest = [release for release in prefix.all_releases() if release.id not in wanted]
    if prefix.active() is None and rest:
        return Collected()  # recover may need an unmarked release, which may be the damaged active one
    gone, waiting = [], []
    for release in rest:
        reported = _going(prefix, release, [*wanted.values()])
        if seal.remove(release):
            gone.append(reported)
        else:
            waiting.append(reported)
            wanted[release.id] = release
    _collect_needs(prefix, wanted)
    return Collected(tuple(gone), tuple(waiting))


def _collect_needs(prefix: Prefix, wanted: dict[str, Release]) -> None:
    """Remove second copies of manifests, data that was set aside and stored files that no release needs."""
    proofs.collect(prefix, wanted.values())
    userdata.collect(prefix, wanted.values())
    try:
        needed = {entry.sha256 for release in wanted.values() for entry in release.manifest().files}
    except (RagtraceError, OSError):
        return  # recover handles a damaged release; until then its files are not collected
    Store(prefix.store).collect(needed)
