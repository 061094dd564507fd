"""Exceptions: findings that were accepted for a limited time, each with one of OpenVEX's justifications.

Format 1 of ``exceptions.json``, signed under ragtrace-exceptions@v1. An expired exception no longer applies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bundle import strict
from bundle.advisories.severity import AHEAD
from bundle.advisories.versions import public
from bundle.strict import Document, Value, by, refuse, time_from_json
from shared.i18n import _

if TYPE_CHECKING:
    from datetime import datetime

    from bundle.advisories.matcher import Finding

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
        if not timedelta(0) < self.expires - self.approved <= LONGEST:
            raise refuse(
                f"{path}.expires", _("must be after its approval, by at most {days} days").format(days=LONGEST.days)
            )

    def covers(self, finding: Finding) -> bool:
        """Return whether this exception matches a finding, regardless of its dates."""
        version = public(finding.version)
        if self.package != finding.package or self.id not in finding.ids or version is None:
            return False
        return SpecifierSet(self.versions).contains(version, prereleases=True)

    def in_force(self, now: datetime) -> bool:
        """Return whether this exception applies at ``now``."""
        return self.approved <= now + AHEAD and now <= self.expires


@dataclass(frozen=True)
class Exceptions(Document):
    """All exceptions of a product. ``sequence`` only grows: a host refuses a file with a lower one."""

    sequence: int = field(metadata=by(strict.integer, least=1))
    exceptions: tuple[Exemption, ...] = field(metadata=by(strict.items, of=Exemption.from_json, most=10_000))


NONE = Exceptions(0, ())


def read_exceptions(data: bytes) -> Exceptions:
    """Parse an exceptions file whose signature was verified. Raises TrustError if it is malformed."""
    return Exceptions.from_bytes(data, NAME, limit=EXCEPTIONS_LIMIT)
