"""The trust policy: which keys may sign what, and how many of them must.

Strict JSON. Number 0 is the policy that a builder embeds in a zipapp; a host's own has a higher
number. The policy decides which keys are trusted; signature.verify checks the signatures themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.signing.signature import SIGNATURES_LIMIT, PublicKey, parse_public_key
from bundle.strict import Document, Fields, Value, by, refuse
from shared.errors import TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

POLICY_LIMIT = 1 << 20  # bytes
KEYS_LIMIT = 100
RELEASE = "release"
# role → the namespace of its signatures, one for each kind of document
NAMESPACES = {
    RELEASE: "ragtrace-release@v1",
    "policy": "ragtrace-policy@v1",
    "advisories": "ragtrace-advisories@v1",
    "exceptions": "ragtrace-exceptions@v1",
}
RELEASE_NAMESPACE = NAMESPACES[RELEASE]


def _key(value: Any, path: str) -> PublicKey:
    line = strict.text(value, path)
    try:
        key = parse_public_key(line)
    except TrustError as error:
        raise refuse(path, error.what.rstrip(".")) from error
    if key.line() != line:
        raise refuse(path, _("contains more than a key type and a key"))
    return key


@dataclass(frozen=True)
class Signer(Value):
    """A key of the policy, its owner's name, and its validity period (both ends included)."""

    key: PublicKey = field(metadata=by(_key, write=PublicKey.line))
    name: str = field(metadata=by(strict.text, limit=100))
    start: datetime | None = field(default=None, metadata=by(strict.optional, key="from", of=strict.time_from_json))
    end: datetime | None = field(default=None, metadata=by(strict.optional, key="until", of=strict.time_from_json))

    def check(self, path: str) -> None:
        """Refuse a key whose validity ends before it begins."""
        if self.start and self.end and self.start >= self.end:
            raise refuse(f"{path}.until", _("not after the start of the key's validity"))

    def valid(self, at: datetime) -> bool:
        return (self.start is None or self.start <= at) and (self.end is None or at <= self.end)


@dataclass(frozen=True)
class Role(Value):
    """The keys of a role, and how many of them, at least one, must sign its documents."""

    threshold: int = field(metadata=by(strict.integer, least=1, most=SIGNATURES_LIMIT))
    keyids: tuple[str, ...] = field(metadata=by(strict.texts, key="keys", most=KEYS_LIMIT))

    def check(self, path: str) -> None:
        """Refuse duplicate keys, and a threshold that exceeds their number."""
        if len(set(self.keyids)) != len(self.keyids):
            raise refuse(f"{path}.keys", _("duplicate key"))
        if self.threshold > len(self.keyids):
            raise refuse(f"{path}.threshold", _("exceeds the number of keys of the role"))


def _roles(value: Any, path: str) -> dict[str, Role]:
    keys = Fields(value, path)
    roles = {name: keys.nested(name, Role.from_json) for name in NAMESPACES if name in keys.left or name == RELEASE}
    keys.done()
    return roles


@dataclass(frozen=True)
class Policy(Document):
    """The keys that a host trusts. ``roles`` always has ``release``; a missing role trusts no key."""

    number: int = field(metadata=by(strict.integer))
    signers: tuple[Signer, ...] = field(metadata=by(strict.items, key="keys", of=Signer.from_json, most=KEYS_LIMIT))
    roles: dict[str, Role] = field(metadata=by(_roles))

    def check(self, path: str) -> None:
        """Refuse duplicate keys or names, which would count one owner more than once, and roles with unknown keys."""
        keyids = {signer.key.keyid for signer in self.signers}
        points = {signer.key.point for signer in self.signers}
        names = {signer.name for signer in self.signers}
        if not len(keyids) == len(points) == len(names) == len(self.signers):
            raise refuse(f"{path}.keys", _("duplicate key or name"))
        for role_name, role in self.roles.items():
            for index, keyid in enumerate(role.keyids):
                if keyid not in keyids:
                    raise refuse(f"{path}.roles.{role_name}.keys[{index}]", _("not one of the policy's keys"))

    def of_role(self, role: str) -> tuple[Signer, ...]:
        """Return the signers of a role, in the order of the role's keys."""
        known = {signer.key.keyid: signer for signer in self.signers}
        return tuple(known[keyid] for keyid in self.roles[role].keyids) if role in self.roles else ()


def parse_policy(data: bytes, name: str) -> Policy:
    """Parse a policy. Raises TrustError with the path of the refused value."""
    return Policy.from_bytes(data, name, limit=POLICY_LIMIT)


def pins(keys: Sequence[PublicKey], threshold: int | None = None) -> Policy:
    """Return policy number 0, which trusts these keys for releases; by default all must sign."""
    signers = tuple(Signer(key, key.keyid) for key in keys)
    role = Role(len(keys) if threshold is None else threshold, tuple(key.keyid for key in keys))
    return parse_policy(Policy(0, signers, {RELEASE: role}).to_bytes(), _("the pinned keys"))


def judge(policy: Policy, role: str, signers: Sequence[PublicKey], at: datetime | None) -> tuple[Signer, ...]:
    """Return the distinct trusted keys among those that signed a document of a role.

    ``at`` is the moment (with a time zone) at which keys must be valid, or None to ignore their validity
    periods. Further signatures by untrusted keys are ignored. Raises TrustError if fewer trusted keys
    signed than the role needs, or if the role trusts no key.
    """
    needed = policy.roles[role].threshold if role in policy.roles else 0
    if needed < 1:
        raise TrustError(
            _("The policy in force trusts no key for role {role!r}.").format(role=role[:80]),
            advice=_("Supply a policy that names the keys of this role."),
        )
    # each key counts once, however often it signed
    distinct = tuple(dict.fromkeys(signers))
    of_role = {signer.key: signer for signer in policy.of_role(role)}
    counted = tuple(of_role[key] for key in distinct if key in of_role and (at is None or of_role[key].valid(at)))
    if len(counted) < needed:
        reasons = [_why_not(policy, of_role, key) for key in distinct if of_role.get(key) not in counted]
        raise TrustError(
            _("Trusted signatures required: {needed}; found: {found} ({reasons}).").format(
                needed=needed, found=len(counted), reasons="; ".join(reasons) or _("no other signature found")
            ),
            advice=_("Compare the fingerprints with those received out of band; if they differ, do not install."),
        )
    return counted


def _why_not(policy: Policy, of_role: dict[PublicKey, Signer], key: PublicKey) -> str:
    if key in of_role:
        return _("the key of {name} ({fingerprint}) may not sign at this time").format(
            name=of_role[key].name, fingerprint=key.fingerprint
        )
    if any(signer.key == key for signer in policy.signers):
        return _("{fingerprint} may not sign this kind of document").format(fingerprint=key.fingerprint)
    return _("{fingerprint} is an untrusted key").format(fingerprint=key.fingerprint)
