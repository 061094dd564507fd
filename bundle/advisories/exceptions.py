"""Exceptions: findings that were accepted for a limited time, each with one of OpenVEX's justifications.

``exceptions.json``, signed under ragtrace-exceptions@v1. An expired exception no longer applies. Format 2 also holds
the reasons for which a snapshot may have less than an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bundle import strict
from bundle.advisories.index import Advisory
from bundle.advisories.severity import AHEAD
from bundle.advisories.versions import public
from bundle.strict import Document, Value, by, refuse, time_from_json
from shared.i18n import _

if TYPE_CHECKING:
    from datetime import datetime

    from bundle.advisories.matcher import Doubt, Finding

NAME = "exceptions.json"
EXCEPTIONS_LIMIT = 1 << 20  # bytes
LONGEST = timedelta(days=180)
# the justifications that OpenVEX defines for "not affected" (OpenVEX specification 0.2.0, status justifications)
JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)


def _specifier(value: Any, path: str) -> str:
    written = strict.text(value, path)
    try:
        SpecifierSet(written)
    except InvalidSpecifier as error:
        raise refuse(path, _("not a version specifier")) from error
    return written


@dataclass(frozen=True)
class Exemption(Value):
    """One exception: an advisory (any of its identifiers), a package, and versions as a specifier set (PEP 440)."""

    id: str = field(metadata=by(strict.text, limit=100))
    package: str = field(metadata=by(strict.text, limit=200))
    versions: str = field(metadata=by(_specifier))
    justification: str = field(metadata=by(strict.choice, choices=JUSTIFICATIONS))
    statement: str = field(metadata=by(strict.text))
    approver: str = field(metadata=by(strict.text, limit=200))
    approved: datetime = field(metadata=by(time_from_json))
    expires: datetime = field(metadata=by(time_from_json))

    def check(self, path: str) -> None:
        """Refuse a name that is not normalized, and an expiry before the approval or more than LONGEST after it."""
        if canonicalize_name(self.package) != self.package:
            raise refuse(f"{path}.package", _("not a normalized name"))
        _check_expiry(self.approved, self.expires, path)

    def covers(self, finding: Finding) -> bool:
        """Return whether this exception matches a finding, regardless of its dates."""
        version = public(finding.version)
        if self.package != finding.package or self.id not in finding.ids or version is None:
            return False
        return SpecifierSet(self.versions).contains(version, prereleases=True)

    def in_force(self, now: datetime) -> bool:
        """Return whether this exception applies at ``now``."""
        return self.approved <= now + AHEAD and now <= self.expires


ANY = "*"  # every package


def _advisory_to_json(advisory: Advisory) -> dict[str, Any]:
    return advisory.to_json()


@dataclass(frozen=True)
class Removal(Value):
    """A reason to drop an advisory that snapshots no longer have, in one package or in ANY.

    It applies to what snapshots up to ``sequence`` had: an advisory that is listed again and disappears again needs a
    new reason. ``expires`` is None if it applies without an end. ``remains`` is the advisory as the snapshot that the
    approver has seen still has it, or None if that has it no longer: what is left must be reported by another finding.
    """

    id: str = field(metadata=by(strict.text, limit=100))
    package: str = field(metadata=by(strict.text, limit=200))
    sequence: int = field(metadata=by(strict.integer, least=1))
    statement: str = field(metadata=by(strict.text))
    approver: str = field(metadata=by(strict.text, limit=200))
    approved: datetime = field(metadata=by(time_from_json))
    expires: datetime | None = field(metadata=by(strict.optional, of=time_from_json))
    remains: Advisory | None = field(
        default=None, metadata=by(strict.optional, of=Advisory.from_json, write=_advisory_to_json, added=True)
    )

    def check(self, path: str) -> None:
        """Refuse a name that is not normalized, and an expiry before the approval or more than LONGEST after it."""
        if self.package != ANY and canonicalize_name(self.package) != self.package:
            raise refuse(f"{path}.package", _("not a normalized name"))
        _check_expiry(self.approved, self.expires, path)

    def covers(self, found: Finding | Doubt) -> bool:
        """Return whether this reason matches what only an earlier snapshot had, regardless of its dates."""
        return (
            found.gone is not None
            and found.gone.last <= self.sequence
            and self.package in (ANY, found.package)
            and self.id == found.id  # by an alias, it would silence advisories that its approver has not seen
        )

    def in_force(self, now: datetime) -> bool:
        """Return whether this reason applies at ``now``."""
        return self.approved <= now + AHEAD and (self.expires is None or now <= self.expires)


@dataclass(frozen=True)
class Acceptance(Value):
    """A reason to adopt one snapshot, named by its digest, whatever it lacks of earlier ones."""

    sha256: str = field(metadata=by(strict.sha256))
    statement: str = field(metadata=by(strict.text))
    approver: str = field(metadata=by(strict.text, limit=200))
    approved: datetime = field(metadata=by(time_from_json))
    expires: datetime = field(metadata=by(time_from_json))

    def check(self, path: str) -> None:
        """Refuse an expiry before the approval or more than LONGEST after it."""
        _check_expiry(self.approved, self.expires, path)

    def in_force(self, now: datetime) -> bool:
        """Return whether this reason applies at ``now``."""
        return self.approved <= now + AHEAD and now <= self.expires


def _check_expiry(approved: datetime, expires: datetime | None, path: str) -> None:
    if expires is not None and not timedelta(0) < expires - approved <= LONGEST:
        raise refuse(
            f"{path}.expires", _("must be later than its approval, by at most {days} days").format(days=LONGEST.days)
        )


@dataclass(frozen=True)
class Exceptions(Document):
    """All exceptions of a product. ``sequence`` only grows: a host refuses a file with a lower one."""

    LATEST = 2

    sequence: int = field(metadata=by(strict.integer, least=1))
    exceptions: tuple[Exemption, ...] = field(metadata=by(strict.items, of=Exemption.from_json, most=10_000))
    removals: tuple[Removal, ...] = field(
        default=(), metadata=by(strict.items, of=Removal.from_json, most=10_000, added=True)
    )
    snapshots: tuple[Acceptance, ...] = field(
        default=(), metadata=by(strict.items, of=Acceptance.from_json, most=100, added=True)
    )

    def written_format(self) -> int:
        """Return 2 if there is a reason for having less, else 1."""
        return 2 if self.removals or self.snapshots else self.FORMAT

    def times(self) -> tuple[datetime, ...]:
        """Return every time of approval."""
        reasons: tuple[Exemption | Removal | Acceptance, ...] = (*self.exceptions, *self.removals, *self.snapshots)
        return tuple(one.approved for one in reasons)


NONE = Exceptions(0, ())


def read_exceptions(data: bytes) -> Exceptions:
    """Parse an exceptions file whose signature was verified. Raises TrustError if it is malformed."""
    return Exceptions.from_bytes(data, NAME, limit=EXCEPTIONS_LIMIT)
