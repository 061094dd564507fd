"""Refusing a snapshot that has lost more of the one in force than honest ones do, or that would shut out later ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bundle.advisories.retained.losses import losses, some
from shared.errors import TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bundle.advisories.matcher import Installed
    from bundle.advisories.snapshot import Snapshot

AHEAD = timedelta(days=1)
STEP = 86_400


def require_whole(earlier: Snapshot, later: Snapshot, installed: Iterable[Installed]) -> list[str]:
    """Return warnings about what a snapshot has lost.

    Raises TrustError if more than 5% of the live advisories of the earlier one are neither live nor withdrawn in it, or
    if one of them hits an installed package and no other advisory reports the vulnerability.
    """
    found = losses(earlier, later)
    hitting = list(found.hitting(installed, later.index))
    sentences = []
    if found.is_drop:
        sentences.append(
            _(
                "The snapshot lacks more than 5% of the earlier advisories ({count} of {total}), for example {names}."
            ).format(count=found.count, total=found.total, names=found.names())
        )
    if hitting:
        sentences.append(
            _("The snapshot lacks advisories of earlier ones that apply to installed packages: {names}.").format(
                names=some(f"{package} {version} ({identifier})" for package, version, identifier in hitting)
            )
        )
    whole = found.warnings()
    if sentences:
        raise TrustError(
            *sentences,
            *whole,
            advice=_(
                "Do not use this snapshot; request a complete one, or a signed reason that names its SHA-256: {digest}"
            ).format(digest=later.sha256),
        )
    return whole


def require_sound(snapshot: Snapshot) -> None:
    """Read a snapshot in full: a scan reads only some of its lines. Raises TrustError if it is malformed or blind."""
    try:
        snapshot.read_all()
        require_sight(snapshot)
    except TrustError as error:
        raise TrustError(
            _("The snapshot is malformed: {reason}").format(reason=" ".join(error.sentences)),
            advice=_("Do not use it; request it again from whoever signs advisories for this host: {digest}").format(
                digest=snapshot.sha256
            ),
        ) from error


def require_sight(snapshot: Snapshot) -> None:
    """Raise TrustError if the matcher misses a canary of a snapshot, or if its catalogues cannot be read."""
    assert snapshot.exploits is not None  # reads them
    blind = list(snapshot.blind_spots())
    if blind:
        raise TrustError(
            _("The snapshot's self-tests failed: {names}.").format(names=", ".join(blind)),
            advice=_("Request a new snapshot."),
        )


def require_near(sequence: int, highest: int, now: datetime) -> None:
    """Raise TrustError if a sequence number is so high that it could shut out every later snapshot.

    By default it is the Unix time. Beyond that, it grows by at most a day's seconds at a time.
    """
    if sequence > max(highest + STEP, int((now + AHEAD).timestamp())):
        raise TrustError(
            _("The snapshot's sequence number {sequence} is far above {highest}, the highest so far.").format(
                sequence=sequence, highest=highest
            ),
            advice=_("Do not use this snapshot; request one whose number continues the previous ones."),
        )
