"""The trust policy: which keys may sign what, and how many of them it takes.

Format 1, strict JSON. Number 0 is what a builder bakes into a zipapp; a host's own has a higher
number. The policy judges keys; that their signatures hold was shown by signature.verify.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap.bundle import strict
from bootstrap.bundle.signature import PublicKey, parse_public_key
from bootstrap.bundle.strict import Fields, refuse, time_from_json, time_to_json
from bootstrap.errors import TrustError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

FORMAT = 1
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


@dataclass(frozen=True)
class Signer:
    """A key that the policy knows, its owner's name, and when it may sign (both ends included)."""

    key: PublicKey
    name: str
    start: datetime | None = None
    end: datetime | None = None

    def valid(self, at: datetime) -> bool:
        return (self.start is None or self.start <= at) and (self.end is None or at <= self.end)

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key.line(),
            "name": self.name,
            "from": None if self.start is None else time_to_json(self.start),
            "until": None if self.end is None else time_to_json(self.end),
        }


@dataclass(frozen=True)
class Role:
    """How many of which keys must sign the documents of a role; at least one."""

    threshold: int
    keyids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"threshold": self.threshold, "keys": list(self.keyids)}


@dataclass(frozen=True)
class Policy:
    """Which keys a host trusts. ``roles`` always has ``release``; a role not named trusts nobody."""

    number: int
    signers: tuple[Signer, ...]
    roles: dict[str, Role]

    def of_role(self, role: str) -> tuple[Signer, ...]:
        """Return the signers of a role, in the order in which the role names them."""
        known = {signer.key.keyid: signer for signer in self.signers}
        return tuple(known[keyid] for keyid in self.roles[role].keyids) if role in self.roles else ()

    def to_bytes(self) -> bytes:
        """Return the one way to write this policy."""
        return strict.dumps(
            {
                "format": FORMAT,
                "number": self.number,
                "keys": [signer.to_json() for signer in self.signers],
                "roles": {name: role.to_json() for name, role in self.roles.items()},
            }
        )


def pins(keys: Sequence[PublicKey], threshold: int | None = None) -> Policy:
    """Return policy number 0, which trusts these keys with releases; by default all must sign."""
    count = len(keys) if threshold is None else threshold
    signers = tuple(Signer(key, key.keyid) for key in keys)
    policy = Policy(0, signers, {RELEASE: Role(count, tuple(key.keyid for key in keys))})
    return parse_policy(policy.to_bytes(), _("the pinned keys"))


def parse_policy(data: bytes, name: str) -> Policy:
    """Read a policy. Raises TrustError that names the path of what it refuses."""
    fields = Fields(strict.loads(data, name, limit=POLICY_LIMIT), name)
    fields.integer("format", least=FORMAT, most=FORMAT)
    policy = Policy(
        number=fields.integer("number"),
        signers=fields.items("keys", _signer, most=KEYS_LIMIT),
        roles=fields.nested("roles", _roles),
    )
    fields.done()
    _check_whole(policy, name)
    if policy.to_bytes() != data:
        raise refuse(name, _("not written the one way that is signed"))
    return policy


def _signer(value: Any, path: str) -> Signer:
    fields = Fields(value, path)
    line = fields.text("key")
    try:
        key = parse_public_key(line)
    except TrustError as error:
        raise refuse(f"{path}.key", error.what.rstrip(".")) from error
    signer = Signer(
        key=key,
        name=fields.text("name", limit=100),
        start=fields.optional("from", time_from_json),
        end=fields.optional("until", time_from_json),
    )
    fields.done()
    if key.line() != line:
        raise refuse(f"{path}.key", _("more than a type and a key"))
    if signer.start and signer.end and signer.start >= signer.end:
        raise refuse(f"{path}.until", _("not after the key's beginning"))
    return signer


def _role(value: Any, path: str) -> Role:
    fields = Fields(value, path)
    role = Role(fields.integer("threshold", least=1, most=KEYS_LIMIT), fields.texts("keys", most=KEYS_LIMIT))
    fields.done()
    if len(set(role.keyids)) != len(role.keyids):
        raise refuse(f"{path}.keys", _("a key stands twice"))
    if role.threshold > len(role.keyids):
        raise refuse(f"{path}.threshold", _("more than the keys that the role has"))
    return role


def _roles(value: Any, path: str) -> dict[str, Role]:
    fields = Fields(value, path)
    roles = {name: fields.nested(name, _role) for name in NAMESPACES if name in fields.left or name == RELEASE}
    fields.done()
    return roles


def _check_whole(policy: Policy, name: str) -> None:
    """Refuse what no single key shows: one owner counted twice, roles that name no known key."""
    keyids = {signer.key.keyid for signer in policy.signers}
    points = {signer.key.point for signer in policy.signers}
    names = {signer.name for signer in policy.signers}
    if not len(keyids) == len(points) == len(names) == len(policy.signers):
        raise refuse(f"{name}.keys", _("a key or a name stands twice"))
    for role_name, role in policy.roles.items():
        for index, keyid in enumerate(role.keyids):
            if keyid not in keyids:
                raise refuse(f"{name}.roles.{role_name}.keys[{index}]", _("not one of the policy's keys"))


def judge(policy: Policy, role: str, signers: Sequence[PublicKey], at: datetime | None) -> tuple[Signer, ...]:
    """Return the distinct trusted keys among those that signed a document of a role.

    ``at`` is the moment (with a time zone) at which keys must be valid, None to leave that
    aside. Other people's signatures beside enough trusted ones do no harm. Raises TrustError
    when fewer trusted keys signed than the role needs, or the role trusts nobody.
    """
    needed = policy.roles[role].threshold if role in policy.roles else 0
    if needed < 1:
        raise TrustError(
            _("The policy in force trusts no key with the role {role!r}.").format(role=role[:80]),
            advice=_("Bring a policy that names the keys of this role."),
        )
    # one count for each key, however often it signed
    distinct = tuple(dict.fromkeys(signers))
    of_role = {signer.key: signer for signer in policy.of_role(role)}
    counted = tuple(of_role[key] for key in distinct if key in of_role and (at is None or of_role[key].valid(at)))
    if len(counted) < needed:
        reasons = [_why_not(policy, of_role, key) for key in distinct if of_role.get(key) not in counted]
        raise TrustError(
            _("{needed} trusted signatures are needed, {found} found ({reasons}).").format(
                needed=needed, found=len(counted), reasons="; ".join(reasons) or _("no other signature is there")
            ),
            advice=_(
                "Compare the fingerprints with those that you were given on another way than this medium; "
                "if they differ, do not install."
            ),
        )
    return counted


def _why_not(policy: Policy, of_role: dict[PublicKey, Signer], key: PublicKey) -> str:
    if key in of_role:
        return _("{name}, {fingerprint}, may not sign at this time").format(
            name=of_role[key].name, fingerprint=key.fingerprint
        )
    if any(signer.key == key for signer in policy.signers):
        return _("{fingerprint} may not sign this kind of document").format(fingerprint=key.fingerprint)
    return _("{fingerprint} is a stranger's key").format(fingerprint=key.fingerprint)


def allowed_signers(policy: Policy, role: str) -> str:
    """Return the file by which ``ssh-keygen -Y verify -I <keyid>`` judges a role's signatures.

    Format: ssh-keygen(1), ALLOWED SIGNERS. OpenSSH knows no threshold, so that stands in a comment.
    Times in UTC need OpenSSH 9.1.
    """
    signers = policy.of_role(role)
    if not signers:
        return ""
    lines = [f"# {NAMESPACES[role]}: {policy.roles[role].threshold} of {len(signers)} must sign\n"]
    for signer in signers:
        options = [f'namespaces="{NAMESPACES[role]}"']
        if signer.start is not None:
            options.append(f'valid-after="{signer.start:%Y%m%d%H%M%SZ}"')
        if signer.end is not None:
            options.append(f'valid-before="{signer.end:%Y%m%d%H%M%SZ}"')
        lines.append(f"# {signer.name}\n{signer.key.keyid} {','.join(options)} {signer.key.line()}\n")
    return "".join(lines)
