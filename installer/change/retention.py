"""Which releases a prefix keeps, which one a rollback goes to, and what goes when another one becomes active.

Retained are the active release, the last one of another version, to which a rollback goes, and the one that the newest
backup of another version needs. A version is a manifest: repairs and repeated installations of the active one take no
place from the way back. A release that still runs stays until it has ended; of those there are at most ``MOST_IN_USE``,
because no other is installed then (docs/adr/0025).
"""

from __future__ import annotations

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
class Going:
    """A release that goes: its version, the data that wait for it alone and go with it, and the processes that run it.

    ``is_replaced`` when one of the same version takes its place.
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
    """What a collection came to: the releases that went, and those that stay because they still run."""

    gone: tuple[Going, ...] = ()
    in_use: tuple[Going, ...] = ()


def sentence(gone: Going) -> str:
    """Return what to tell before a release goes."""
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


def discard(release: Release) -> None:
    """Take a damaged release out of those that a rollback may go to; the next collection removes it."""
    if reading.is_folder(release.path):
        seal.unmark(release)


def remember_previous(prefix: Prefix, active: Release, former: str | None) -> None:
    """Note which release was active before another version, for rollback."""
    release = prefix.release(former) if former else None
    if release is not None and (release.made_from == active.made_from or release == remembered(prefix)):
        return
    files.write_atomic(prefix.state / "previous", f"{release.id if release else ''}\n".encode())


def previous(prefix: Prefix) -> Release | None:
    """Return the complete release that a rollback goes to: the last of another version than the active one, or None."""
    return previous_beside(prefix, prefix.active())


def previous_beside(prefix: Prefix, active: Release | None, damaged: Release | None = None) -> Release | None:
    """Return the same for a release that is to become active in the place of a damaged one, or of its own version's."""
    bereft = unmarked(prefix)
    complete = [*prefix.complete_releases(), *([bereft] if bereft else [])]
    complete = [release for release in complete if release != damaged]
    others = [release for release in complete if active is None or release.made_from != active.made_from]
    last = remembered(prefix)
    same = [release for release in others if last is not None and release.made_from == last.made_from]
    if last in same:
        return last
    return next(iter([*reversed(same), *reversed(others)]), None)


def unmarked(prefix: Prefix) -> Release | None:
    """Return the release that a rollback goes to where its mark, or all of it, is lost and nobody took it away.

    Its second copy of the manifest is there, so a rollback may be able to make it anew: nothing that it needs goes.
    """
    release = remembered(prefix)
    if release is None or release.is_complete or release == prefix.named():
        return None
    if os.path.lexists(release.discarded_file) or not any(proofs.folder(prefix).glob(f"{release.order[1]}*")):
        return None
    return release


def remembered(prefix: Prefix) -> Release | None:
    """Return the release of another version that was active before, as ``state/previous`` names it."""
    try:
        return prefix.release(reading.read(prefix.state / "previous", reading.LINES).decode("utf-8").strip())
    except (OSError, ValueError, RagtraceError):
        return None


def retained(prefix: Prefix) -> dict[str, Release]:
    """Return the releases to retain, by name; all of them while none is active."""
    active = prefix.active()
    if active is None:
        return _named(*prefix.complete_releases())
    return _named(active, previous(prefix), backups.pinned(prefix))


def _named(*releases: Release | None) -> dict[str, Release]:
    return {release.id: release for release in releases if release is not None}


def going(prefix: Prefix, coming: Release, *, is_damaged: bool = False) -> tuple[Going, ...]:
    """Return what goes when a release, which may be still to be built, becomes active; nothing is written.

    ``is_damaged`` when the active one is no way back.
    """
    active = prefix.active()
    if is_damaged or active is None or active.made_from == coming.made_from:
        previous, pinned = previous_beside(prefix, coming, active), backups.pinned_beside(prefix, coming, active)
    else:
        previous = active
        pinned = active if backups.holds_anything(prefix) else backups.pinned_beside(prefix, coming)  # of its backup
    stays = _named(coming, previous, pinned)
    rest = [release for release in prefix.complete_releases() if release.id not in stays]
    waiting = [release for release in prefix.all_releases() if not release.is_complete and not in_use.is_free(release)]
    return tuple(_going(prefix, release, [*stays.values()]) for release in (*waiting, *rest))


def _going(prefix: Prefix, release: Release, stays: list[Release]) -> Going:
    """Return what a release is that goes; the first of those that stay is the active one then."""
    is_replaced = release.made_from in {other.made_from for other in stays}
    is_stored = release.made_from in {other.made_from for other in stays[1:]}  # its data wait for the one that stays
    try:
        version = release.manifest().product.version
    except (RagtraceError, OSError):
        version = ""  # a damaged one
    data = None if is_stored else userdata.waiting(prefix, release)
    return Going(release.id, version, data, in_use.users(release), is_replaced)


def too_many(prefix: Prefix, coming: Release) -> tuple[Going, ...]:
    """Return the releases that still run and would wait for it to end, where they are more than may wait."""
    found = [gone for gone in going(prefix, coming) if not in_use.is_free(prefix.release(gone.release))]
    return tuple(found) if len(found) > MOST_IN_USE else ()


def collect(prefix: Prefix) -> Collected:
    """Remove the releases that are not retained, and what only they needed; one that still runs waits."""
    wanted = retained(prefix)
    rest = [release for release in prefix.all_releases() if release.id not in wanted]
    if prefix.active() is None and rest:
        return Collected()  # one without its mark may be a damaged one that counted: for recover, with all it needs
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
    """Remove second copies, data that were set aside and stored files that no release needs."""
    proofs.collect(prefix, wanted.values())
    userdata.collect(prefix, wanted.values())
    try:
        needed = {entry.sha256 for release in wanted.values() for entry in release.manifest().files}
    except (RagtraceError, OSError):
        return  # a damaged release is for recover; until then nothing that it may need goes
    Store(prefix.store).collect(needed)
