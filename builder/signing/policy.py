"""Create, sign and describe trust policies: the first one or the next of a chain."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from builder.signing.sign import signature_of
from bundle.signing import chain
from bundle.signing.policy import NAMESPACES, Policy, Role, Signer, parse_policy
from bundle.signing.policy_files import offered, policy_json
from bundle.signing.small_files import read_small
from shared.errors import TrustError, UsageError
from shared.files import outputs
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from builder.signing.sign import Signer as SigningKey
    from bundle.signing.signature import PublicKey


@dataclass(frozen=True)
class Change:
    """The changes to the previous policy: keys to add to roles, key IDs to remove, thresholds, ends of validity."""

    add: Sequence[tuple[str, PublicKey, str]] = ()  # role, key, name of the key's owner
    remove: Sequence[str] = ()
    thresholds: Sequence[tuple[str, int]] = ()
    until: Sequence[tuple[str, datetime]] = ()


def next_policy(former: Policy | None, change: Change) -> Policy:
    """Return the policy that follows ``former``, or the first one if None. Raises UsageError if it is invalid.

    An existing role keeps its threshold, a new role requires all its keys; a key in no role is removed.
    """
    if former and chain.ROLE not in former.roles:
        raise UsageError(
            _("The previous policy has no role 'policy', so no key can sign the next one."),
            advice=_("Omit --former to start with a first policy."),
        )
    roles = {name: list(role.keyids) for name, role in former.roles.items()} if former else {}
    signers = {signer.key.keyid: signer for signer in former.signers} if former else {}
    for keyid in change.remove:
        if keyid not in signers:
            raise _unknown(keyid)
        del signers[keyid]
        roles = {name: [one for one in keyids if one != keyid] for name, keyids in roles.items()}
    for role, key, owner in change.add:
        signers.setdefault(key.keyid, Signer(key, owner))
        if key.keyid not in roles.setdefault(role, []):
            roles[role].append(key.keyid)
    for keyid, end in change.until:
        if keyid not in signers:
            raise _unknown(keyid)
        signers[keyid] = replace(signers[keyid], end=end)
    wanted = {name: role.threshold for name, role in former.roles.items()} if former else {}
    wanted.update(change.thresholds)
    policy = Policy(
        former.number + 1 if former else 1,
        tuple(signer for keyid, signer in signers.items() if any(keyid in keyids for keyids in roles.values())),
        {name: Role(wanted.get(name, len(keyids)), tuple(keyids)) for name, keyids in roles.items() if keyids},
    )
    if chain.ROLE not in policy.roles:
        raise UsageError(
            _("The role 'policy' would have no key, so no later policy could be signed."),
            advice=_("Add one with --add policy=KEY.pub."),
        )
    try:
        return parse_policy(policy.to_bytes(), _("the policy"))
    except TrustError as error:
        raise UsageError(error.what, advice=_("Change keys or thresholds so that they match.")) from error


def _unknown(keyid: str) -> UsageError:
    return UsageError(
        _("The previous policy has no key {keyid}.").format(keyid=keyid),
        advice=_("Inspect the policy with `policy show FILE`."),
    )


def role_name(text: str) -> str:
    """Return a role's name. Raises UsageError if policies have no such role."""
    if text not in NAMESPACES:
        raise UsageError(
            _("{name} is not a role.").format(name=text),
            advice=_("Specify one of {known}.").format(known=", ".join(NAMESPACES)),
        )
    return text


def write_policy(folder: Path, policy: Policy) -> Path:
    """Write an unsigned policy. Raises UsageError if the folder already has one with its number."""
    path = folder / chain.file_name(policy.number)
    if os.path.lexists(path):
        raise UsageError(
            _("{path} already exists and is not overwritten.").format(path=path), advice=_("Specify another folder.")
        )
    folder.mkdir(parents=True, exist_ok=True)
    outputs.write(path, policy.to_bytes(), mode=0o644)
    return path


def sign_policy(path: Path, signer: SigningKey) -> Path:
    """Sign the unchanged bytes of a valid policy and return the signature's file."""
    data = read_small(path)
    parse_policy(data, path.name)
    signature = signature_of(path, signer.key)
    outputs.write(signature, signer.sign(data, NAMESPACES[chain.ROLE]), mode=0o644)
    return signature


def describe(path: Path) -> list[dict[str, Any]]:
    """Return the policies of a file or folder as JSON values, with their signers and any failed requirement."""
    found = offered([path])
    described = []
    for index, signed in enumerate(found):
        facts = policy_json(signed.policy)
        facts["signed_by"] = [key.fingerprint for key in signed.signers]
        facts["problem"] = _problem(found[index - 1] if index else None, signed)
        described.append(facts)
    return described


def _problem(former: chain.Signed | None, signed: chain.Signed) -> str | None:
    try:
        chain.check_own(signed) if former is None else chain.check_next(former, signed)
    except TrustError as error:
        return error.what
    return None
