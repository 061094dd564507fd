"""A repeated installation: whether the bundle's release is already active and unchanged since it was sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.change import retention
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import launchers
from installer.release import receipt as receipts
from installer.release.digests import Digests
from shared.errors import RagtraceError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.opening import Bundle
    from installer.change.retention import PlannedRemoval
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

NAMES_SHOWN = 3


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
    coming = prefix.new_release(bundle.manifest.product.counter, bundle.manifest_sha256)
    return Effect(already=False, damaged=reported, going=retention.planned_removals(prefix, coming))


def active_of(bundle: Bundle, prefix: Prefix) -> Release | None:
    """Return the active release if it was built from a bundle's manifest, else None."""
    active = prefix.active()
    return active if active is not None and active.is_of(bundle) else None


def trouble(bundle: Bundle, prefix: Prefix, release: Release) -> str:
    """Return how an active release differs from what its bundle would install, or '' if it does not."""
    reported = of_receipt(release, bundle.manifest_sha256)
    if reported:
        return reported
    manifest, store = bundle.manifest, Store(prefix.store)
    damaged = launchers.damaged(prefix, manifest)
    damaged += [entry.path for entry in manifest.files if entry.is_stored and not store.is_intact(entry)]
    return _("missing or damaged: {names}").format(names=_some(damaged)) if damaged else ""


def of_receipt(release: Release, manifest_sha256: str | None = None) -> str:
    """Return how a release differs from its receipt, or why its receipt does not fit it or the manifest, else ''."""
    try:
        receipt = receipts.read_receipt(release)
        deviations = receipts.compare(release, receipt, Digests())
    except RagtraceError as error:
        return error.what.rstrip(".")
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    if receipt.release != release.id or manifest_sha256 not in (None, receipt.manifest_sha256):
        return _("the receipt belongs to another release ({name})").format(name=receipt.release)
    if manifest_sha256 is not None and not receipt.locked:
        return _("this set of packages is not signed")
    if deviations:
        return _("missing or damaged: {names}").format(names=_some([deviation.path for deviation in deviations]))
    return ""


def is_recorded(prefix: Prefix, release: Release) -> bool:
    """Return whether the audit log records that a release was activated, or True if the log is damaged.

    A damaged log gets no more entries.
    """
    try:
        entries = audit_log.entries(prefix)
    except (RagtraceError, OSError):
        return True
    return any(entry.get("release") == release.id and entry.get("outcome") == "done" for entry in entries)


def _some(names: Sequence[str]) -> str:
    more = f" (+{len(names) - NAMES_SHOWN})" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
