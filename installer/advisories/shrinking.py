"""Refusing a snapshot that has lost more of the one in force than honest ones do, or that would shut out later ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bundle.advisories.retained.losses import losses
from shared.errors import TrustError
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bundle.advisories.matcher import Installed
    from bundle.advisories.retained.losses import Losses
    from bundle.advisories.snapshot import Snapshot

SHOWN = 8  # names listed in a sentence
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
            _("The snapshot has lost more than 5% of the advisories ({count} of {total}), for example {names}.").format(
                count=found.count, total=found.total, names=_some(_names(found))
            )
        )
    if hitting:
        sentences.append(
            _("The snapshot has lost advisories that hit installed packages: {names}.").format(
                names=_some(f"{package} {version} ({identifier})" for package, version, identifier in hitting)
            )
        )
    whole = _whole(found)
    if sentences:
        raise TrustError(
            *sentences,
            *whole,
            advice=_(
                "Do not use this snapshot; request a complete one, or a signed reason that names its SHA-256: {digest}"
            ).format(digest=later.sha256),
        )
    return whole


def _names(found: Losses) -> Iterable[str]:
    return (f"{one.id} ({package})" for package in sorted(found.lost) for one in found.lost[package])


def _whole(found: Losses) -> list[str]:
    if not found.whole:
        return []
    text = plural(
        "{count} package has lost all of its advisories: {names}",
        "{count} packages have lost all of their advisories: {names}",
        len(found.whole),
    )
    return [text.format(count=len(found.whole), names=_some(found.whole))]


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join([*shown[:SHOWN], *(["…"] if len(shown) > SHOWN else [])])


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
