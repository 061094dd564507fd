"""A repeated installation: whether the bundle's release is already active and unchanged since it was sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.change import retention
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import launchers
from installer.release.sealing import intact
from shared.errors import RagtraceError
from shared.i18n import _

if TYPE_CHECKING:
    from bundle.opening import Bundle
    from installer.change.retention import PlannedRemoval
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release


@dataclass(frozen=True)
class Effect:
    """The effect of installing a bundle.

    ``already`` is set if nothing needs to be done; ``damaged`` is the reason why the active release is reinstalled, or
    ''; ``going`` lists the releases to be removed.
    """

    already: bool
    damaged: str
    going: tuple[PlannedRemoval, ...]

    def lines(self) -> list[str]:
        """Return the effect as human-readable lines."""
        found = [_("The active release is damaged and will be reinstalled: {reason}.").format(reason=self.damaged)]
        return (found if self.damaged else []) + [retention.sentence(gone) for gone in self.going]


def effect_of(bundle: Bundle, prefix: Prefix, *, reinstall: bool = False) -> Effect:
    """Return the effect of installing a bundle; writes nothing and runs nothing of the application."""
    release = active_of(bundle, prefix)
    reported = trouble(bundle, prefix, release) if release else ""
    if release is not None and not reported and not reinstall:
        return Effect(already=True, damaged="", going=())
    coming = prefix.coming(bundle)
    return Effect(already=False, damaged=reported, going=retention.planned_removals(prefix, coming))


def active_of(bundle: Bundle, prefix: Prefix) -> Release | None:
    """Return the active release if it was built from a bundle's manifest, else None."""
    active = prefix.active()
    return active if active is not None and active.is_of(bundle) else None


def trouble(bundle: Bundle, prefix: Prefix, release: Release) -> str:
    """Return how an active release differs from what its bundle would install, or '' if it does not."""
    reported = intact.damage(prefix, release, manifest_sha256=bundle.manifest_sha256)
    if reported:
        return reported
    manifest, store = bundle.manifest, Store(prefix.store)
    damaged = launchers.damaged(prefix, manifest)
    damaged += [entry.path for entry in manifest.files if entry.is_stored and not store.is_intact(entry)]
    return intact.missing_or_damaged(damaged)


def is_recorded(prefix: Prefix, release: Release) -> bool:
    """Return whether the audit log records that a release was activated, or True if the log is damaged.

    A damaged log gets no more entries.
    """
    try:
        entries = audit_log.entries(prefix)
    except (RagtraceError, OSError):
        return True
    return any(entry.get("release") == release.id and entry.get("outcome") == "done" for entry in entries)
