"""Policies in tests: made of soft keys, signed, laid into a folder as a host keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.signing import chain
from bundle.signing.policy import NAMESPACES, Policy, Role, Signer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from builder.signing import sign
    from bundle.signing.signature import PublicKey
    from tests.keys import SoftKey


def make_policy(
    number: int, release: Sequence[PublicKey], policy: Sequence[PublicKey], *, needed: tuple[int, int] = (1, 1)
) -> Policy:
    """Return a policy; ``needed`` are the thresholds of release and policy."""
    keys = dict.fromkeys([*release, *policy])
    roles = {
        "release": Role(needed[0], tuple(key.keyid for key in release)),
        "policy": Role(needed[1], tuple(key.keyid for key in policy)),
    }
    return Policy(number, tuple(Signer(key, f"owner of {key.keyid}") for key in keys), roles)


def lay(folder: Path, policy: Policy, *signers: SoftKey | sign.Signer) -> Path:
    """Write a policy and its signatures into a folder; return the policy's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / chain.file_name(policy.number)
    path.write_bytes(policy.to_bytes())
    for signer in signers:
        armoured = signer.sign(policy.to_bytes(), NAMESPACES["policy"])
        path.with_name(f"{path.name}.{signer.key.keyid}.sig").write_bytes(armoured)
    return path
