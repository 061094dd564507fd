"""What an index says against a locked wheel: that it was yanked (PEP 592), or what became of its project (PEP 792)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _
from shared.terminal.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from builder.fetch.simple_index import Page
    from builder.lock.locked import LockedWheel

REASON_LIMIT = 300  # characters
NORMAL = ("", "active")  # of the states of a project (PEP 792); the others are named


def notices(page: Page, wheels: Iterable[LockedWheel]) -> Iterator[str]:
    """Yield a sentence about each wheel of a project that was yanked, and one about the project's own state."""
    found = list(wheels)
    by_digest = {offer.sha256: offer for offer in page.offers.values() if offer.sha256}
    for wheel in found:
        offer = by_digest.get(wheel.sha256) or page.offers.get(wheel.published)
        if offer is not None and offer.yanked is not None:
            yield _("{wheel} was yanked from its index: {reason}.").format(
                wheel=wheel.published, reason=_shown(offer.yanked)
            )
    if found and page.status not in NORMAL:
        yield _("The index lists {package} as {status}: {reason}.").format(
            package=found[0].name, status=_shown(page.status), reason=_shown(page.reason)
        )


def _shown(text: str) -> str:
    """Return what an index says as one line without the full stop, or that it says nothing."""
    shown = " ".join(printable(text).split()).rstrip(".")
    return (shown if len(shown) <= REASON_LIMIT else shown[: REASON_LIMIT - 1] + "…") or _("no reason given")
