"""Determine the release to repair: the active one, one that ``current`` or the audit log names, or the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.change import retention
from installer.layout import proofs
from installer.layout.release import is_release
from installer.logs import audit_log
from recovery.inspection.finding import Finding
from shared import reading
from shared.i18n import _
from validator.finding_kinds import POINTER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release


def release_to_repair(prefix: Prefix) -> Release | None:
    """Return the release to repair, or None if there is none.

    That is the active one, else the one that ``current`` names, else the one that was activated last, else the newest
    complete one, which is the previous version only if there is no other.
    """
    active = prefix.active()
    if active is not None:
        return active
    left = retention.remembered(prefix)
    for release, is_logged in ((prefix.named(), False), (_last_activated(prefix), True)):
        if release is None:
            continue
        if is_logged and left is not None and release.version_key == left.version_key:
            continue  # the log lacks a run that was killed after its commit, so it names the release to roll back to
        # ``current`` and the log name only finished releases; a removed one needs a second copy of its metadata
        if reading.is_folder(release.path) or proofs.copies_of(prefix, release):
            return release
    previous = retention.previous(prefix)
    newest_first = list(reversed(prefix.complete_releases()))
    others = [release for release in newest_first if previous is None or release.id != previous.id]
    return next(iter(others or newest_first), None)


def _last_activated(prefix: Prefix) -> Release | None:
    """Return the last activated release in the audit log, whether or not it exists, or None."""
    names = [entry.get("release") for entry in audit_log.activations(prefix)]
    return prefix.release(names[-1]) if names and isinstance(names[-1], str) and is_release(names[-1]) else None


def pointer(prefix: Prefix, release: Release | None) -> Iterator[Finding]:
    """Yield a finding if there is no release to repair, or if none is active and ``current`` does not name that one."""
    if release is None:
        details = _("{path} has no release that can be repaired").format(path=prefix.releases)
        yield Finding(POINTER, prefix.current.name, details)
    elif prefix.active() is None and prefix.named() != release:
        details = _("{path} does not point to a complete release").format(path=prefix.current)
        yield Finding(POINTER, release.id, details, (prefix.current.name,))
