"""Helpers of bootstrap.api: this host's trust stores, and prefixes whose interrupted changes have been resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.layout.location.finding import find_prefix
from installer.trust.stores import host_trust_stores
from shared.errors import HostError
from shared.files.process_lock import locked
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores
    from shared.terminal.progress import Progress

QUIET = NoProgress()


def trust_stores() -> TrustStores:
    """Return the trust stores of this host and user."""
    return host_trust_stores()


def settled(prefix: Path | None = None, *, allow_uninstalled: bool = False, allow_lost_state: bool = False) -> Prefix:
    """Return a prefix for a read-only command, after undoing or finishing an interrupted change in it.

    An interrupted change is left as it is while another run is in progress or if this user may only read the prefix.
    ``allow_uninstalled`` also accepts a prefix whose installation was removed, so that what remains can be read;
    ``allow_lost_state`` also accepts one that has lost its state.
    """
    from installer.change import transaction

    found = find_prefix(prefix, allow_uninstalled=allow_uninstalled, allow_lost_state=allow_lost_state)
    if found.exists:
        transaction.resolve_if_unlocked(found)
    return found


def prefix_or_none(prefix: Path | None, *, allow_lost_state: bool = False) -> Prefix | None:
    """Return a prefix as ``settled`` does, or None if none is named and ``settled`` would raise HostError."""
    try:
        return settled(prefix, allow_lost_state=allow_lost_state)
    except HostError:
        if prefix is not None:
            raise
        return None


def settle_advisories(prefix: Prefix, stores: TrustStores, progress: Progress, wait: float) -> None:
    """Record on this host what an installation knows of advisories, before a command changes or removes its releases.

    Raises BusyError if another run holds the lock.
    """
    from installer.advisories import retained_list

    if not prefix.complete_releases():
        return
    try:
        with locked(prefix.lock_file, wait=wait):
            warning = retained_list.settle(prefix, stores)
    except (OSError, HostError):  # a lock that cannot be taken: the command itself reports or repairs it
        return
    if warning:
        progress.warn(warning)
