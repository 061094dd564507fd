"""What the functions of bootstrap.api share: this host's places of trust, and a prefix as a crash may have left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.layout.location.finding import find_prefix
from installer.trust.places import host_places
from shared.errors import HostError
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.trust.places import Places

QUIET = NoProgress()


def places_or_ours(places: Places | None = None) -> Places:
    """Return the places of trust that were given, or this host's own."""
    return places or host_places()


def settled(prefix: Path | None = None, *, left: bool = False, bereft: bool = False) -> Prefix:
    """Return a prefix after what a crash left in it was undone, for commands that only look.

    With ``left`` one from which an installation was removed will do, for what stays there, and
    with ``bereft`` one that has lost its state.
    """
    from installer.change import transaction

    found = find_prefix(prefix, left=left, bereft=bereft)
    if found.exists:
        transaction.settle(found)
    return found


def prefix_or_none(prefix: Path | None, *, bereft: bool = False) -> Prefix | None:
    """Return the named prefix or this user's only one; None when none is named and nothing is installed."""
    try:
        return settled(prefix, bereft=bereft)
    except HostError:
        if prefix is not None:
            raise
        return None
