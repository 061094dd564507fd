"""Reasons for which a host lets go of what a snapshot no longer has: for one advisory, or for a whole snapshot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from bundle.advisories.exceptions import ANY, LONGEST, Acceptance, Removal
from bundle.advisories.retained.losses import some
from bundle.strict import time_to_json
from shared.errors import TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from bundle.advisories.exceptions import Exceptions
    from bundle.advisories.snapshot import Snapshot


def removals(identifiers: Sequence[str], package: str, snapshot: Snapshot, said: dict[str, Any]) -> tuple[Removal, ...]:
    """Return a removal for each identifier, for all that snapshots before ``snapshot`` had.

    ``said`` has ``statement``, ``approver``, ``approved`` and ``expires``. Raises UsageError if a value is not valid.
    """
    name = package if package == ANY else canonicalize_name(package)
    common = {**said, "package": name, "sequence": snapshot.header.sequence - 1}
    found = []
    for identifier in identifiers:
        remains = _remaining(identifier, name, snapshot)
        found.append(_checked(Removal, {**common, "id": identifier, **({"remains": remains} if remains else {})}))
    return tuple(found)


def _remaining(identifier: str, package: str, snapshot: Snapshot) -> dict[str, Any] | None:
    """Return what a snapshot still has of an advisory. Raises UsageError if that is in some of all packages."""
    names = snapshot.index.lines if package == ANY else [package]
    left = {name: one for name in names for one in snapshot.index.of(name) if one.id == identifier}
    if package == ANY and left:
        raise UsageError(
            _("The snapshot still lists {id}, in {names}.").format(id=identifier, names=some(left)),
            advice=_("Specify each package with --package."),
        )
    return left[package].to_json() if left else None


def acceptance(snapshot: Snapshot, said: dict[str, Any]) -> Acceptance:
    """Return the reason that accepts a snapshot whatever it lacks. Raises UsageError if a value is not valid."""
    found: Acceptance = _checked(Acceptance, {**said, "sha256": snapshot.sha256})
    return found


def said_by(statement: str, approver: str, approved: datetime, days: int | None) -> dict[str, Any]:
    """Return the values that every reason has; without ``days`` it has no end."""
    until = None if days is None else approved + timedelta(days=max(0, min(days, LONGEST.days + 1)))
    return {
        "statement": statement,
        "approver": approver,
        "approved": time_to_json(approved),
        "expires": None if until is None else time_to_json(until),
    }


def _checked(kind: Any, values: dict[str, Any]) -> Any:
    try:
        return kind.from_json(values, "--snapshot" if kind is Acceptance else "--removed")
    except TrustError as error:
        raise UsageError(error.what, advice=_("Correct the values, then try again.")) from error


def lines(found: Exceptions) -> Iterator[str]:
    """Yield the contents of an exceptions file as human-readable lines."""
    yield _("Exceptions: {count}   sequence: {sequence}").format(count=len(found.exceptions), sequence=found.sequence)
    for one in found.exceptions:
        yield _("  exception for {id} in {package} {versions}, until {time}: {statement} ({approver})").format(
            id=one.id,
            package=one.package,
            versions=one.versions,
            time=f"{one.expires:%Y-%m-%d}",
            statement=one.statement,
            approver=one.approver,
        )
    for removal in found.removals:
        end = _("without an expiry date")
        if removal.expires is not None:
            end = _("until {time}").format(time=f"{removal.expires:%Y-%m-%d}")
        yield _("  removal of {id} in {package} up to sequence {sequence}, {end}: {statement} ({approver})").format(
            id=removal.id,
            package=removal.package,
            sequence=removal.sequence,
            end=end,
            statement=removal.statement,
            approver=removal.approver,
        )
    for snapshot in found.snapshots:
        yield _("  acceptance of snapshot {digest}, until {time}: {statement} ({approver})").format(
            digest=snapshot.sha256,
            time=f"{snapshot.expires:%Y-%m-%d}",
            statement=snapshot.statement,
            approver=snapshot.approver,
        )
