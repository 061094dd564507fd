"""A chain of numbered policies: each is signed by the threshold of the one before and by its own.

``policy-<N>.json`` with ``policy-<N>.json.<keyid>.sig`` next to it, namespace ragtrace-policy@v1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from bundle.signing.policy import NAMESPACES, Policy, judge, parse_policy
from bundle.signing.signature import SIGNATURES_LIMIT, verify
from shared.errors import TrustError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bundle.signing.signature import PublicKey

ROLE = "policy"
_FILE = re.compile(r"policy-(0|[1-9][0-9]{0,8})\.json")


@dataclass(frozen=True)
class Signed:
    """A policy, its bytes, and its signature files by name; each signature is valid, but its key may be untrusted."""

    policy: Policy
    data: bytes
    signatures: dict[str, bytes]
    signers: tuple[PublicKey, ...]

    @property
    def name(self) -> str:
        return file_name(self.policy.number)


def file_name(number: int) -> str:
    """Return the file name of a policy."""
    return f"policy-{number}.json"


def read_all(names: Iterable[str], read: Callable[[str], bytes]) -> list[Signed]:
    """Return the policies among the named files, sorted by number. Raises TrustError if one is invalid."""
    present = sorted(names)
    found = [
        _read_one(name, int(matched[1]), present, read)
        for name in present
        for matched in [_FILE.fullmatch(name)]
        if matched
    ]
    return sorted(found, key=lambda signed: signed.policy.number)


def _read_one(name: str, number: int, present: Sequence[str], read: Callable[[str], bytes]) -> Signed:
    data = read(name)
    policy = parse_policy(data, name)
    if policy.number != number:
        raise _spoiled(_("{name} contains policy number {number}.").format(name=name, number=policy.number))
    beside = [other for other in present if other.startswith(f"{name}.") and other.endswith(".sig")]
    if len(beside) > SIGNATURES_LIMIT:
        raise _spoiled(_("{name} has more than {limit} signatures.").format(name=name, limit=SIGNATURES_LIMIT))
    signatures = {other: read(other) for other in beside}
    signers = []
    for other, armoured in signatures.items():
        key = verify(armoured, data, NAMESPACES[ROLE], name=other)
        if other != f"{name}.{key.keyid}.sig":
            raise _spoiled(_("The name {name} does not match the key of the signature.").format(name=other))
        signers.append(key)
    return Signed(policy, data, signatures, tuple(signers))


def _spoiled(what: str) -> TrustError:
    return TrustError(what, advice=_("Transfer the policy and its signatures again from where they were created."))


def check_own(signed: Signed) -> None:
    """Raise TrustError unless a policy is signed by its own threshold."""
    judge(signed.policy, ROLE, signed.signers, None)


def check_next(current: Signed, following: Signed) -> None:
    """Raise TrustError unless a policy may follow another: the next number, signed by both thresholds."""
    wanted, found = current.policy.number + 1, following.policy.number
    if found != wanted:
        raise TrustError(
            _("Policy {found} cannot follow policy {current}: {wanted} is missing.").format(
                found=found, current=current.policy.number, wanted=wanted
            ),
            advice=_("Transfer every policy from number {wanted} on, each with its signatures.").format(wanted=wanted),
        )
    judge(current.policy, ROLE, following.signers, None)
    check_own(following)


def check_chain(kept: Sequence[Signed], highest: int, place: Path) -> Policy | None:
    """Return the last of the stored policies, each checked against the one before, or None if there are none.

    ``highest`` is the highest number that was ever in force in ``place``. Raises TrustError if the chain is
    broken or its end is missing.
    """
    for index, signed in enumerate(kept):
        if index:
            check_next(kept[index - 1], signed)
        else:
            check_own(signed)
    if (kept[-1].policy.number if kept else 0) < highest:
        raise TrustError(
            _("{place}: policy {number} was in force and is missing.").format(place=place, number=highest),
            advice=_("Transfer it again from where policies are created; an older one is not accepted."),
        )
    return kept[-1].policy if kept else None


def extend(kept: Sequence[Signed], offered: Sequence[Signed], keys: Sequence[PublicKey] = ()) -> list[Signed]:
    """Return the offered policies that come after the stored ones, in order; empty if all are known.

    The first policy is accepted only if every one of ``keys``, which the operator received
    on paper, has its ``policy`` role and signed it. Raises TrustError for a rollback, a gap, a
    different policy with a known number, or too few trusted signatures.
    """
    if not offered:
        raise TrustError(_("No policy was found."), advice=_("Specify the policy-<N>.json files or their folder."))
    known = {signed.policy.number: signed for signed in kept}
    for signed in offered:
        if signed.policy.number in known and known[signed.policy.number].data != signed.data:
            raise TrustError(
                _("A different policy {number} is in force on this host.").format(number=signed.policy.number),
                advice=_("Ask the people who sign policies which of the two is right; nothing was changed."),
            )
    last = kept[-1].policy.number if kept else -1
    if offered[-1].policy.number < last:
        raise TrustError(
            _("Policy {number} is older than policy {last}, which is in force.").format(
                number=offered[-1].policy.number, last=last
            ),
            advice=_("Transfer a newer policy; a host never returns to an older one."),
        )
    new = [signed for signed in offered if signed.policy.number > last]
    if not kept:
        _check_first(new[0], keys)
    for before, signed in zip([*kept[-1:], *new], new if kept else new[1:]):
        check_next(before, signed)
    return new


def _check_first(signed: Signed, keys: Sequence[PublicKey]) -> None:
    counted = judge(signed.policy, ROLE, signed.signers, None)
    if not keys or any(key not in [signer.key for signer in counted] for key in keys):
        raise TrustError(
            _("{name} cannot be the first policy of this host: it has no trusted signature.").format(name=signed.name),
            advice=_(
                "Compare the fingerprint of a key that signed it with the one that you were given on paper, "
                "then specify its .pub file with --trust-key."
            ),
        )


def write(folder: Path, signed: Signed) -> None:
    """Write a policy to a folder: its signatures first, so that it never exists without them."""
    for name, data in signed.signatures.items():
        files.write_atomic(folder / name, data)
    files.write_atomic(folder / signed.name, signed.data)
