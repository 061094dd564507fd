"""The signers of a bundle, before any of their keys is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bundle import opening
from bundle.digest import sha256_file
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from bundle.signing.policy import RELEASE
from bundle.signing.policy_files import pinned_policy
from shared.errors import TrustError

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest
    from bundle.signing.signature import PublicKey


class Signatures(NamedTuple):
    """How many of the keys in a bundle's installer have signed it, how many must, and which have not."""

    made: int
    needed: int
    missing: tuple[str, ...]


def claimed_signers(path: Path) -> list[PublicKey]:
    """Return the keys whose signatures are valid, trusted or not."""
    _folder, sums, signatures = opening.read_signed(path)
    return opening.claimed_signers(sums, signatures)


def signatures_of(path: Path, manifest: Manifest) -> Signatures | None:
    """Return the signatures of a bundle and the number that its installer requires.

    Returns None without an installer that has the signed digest and states who must sign.
    """
    folder, _sums, _signatures = opening.read_signed(path)
    installer = next((place for name in (INSTALLER, INSTALLER_MEMBER) if (place := folder / name).is_file()), None)
    entry = manifest.entry(INSTALLER_MEMBER)
    if installer is None or entry is None or sha256_file(installer)[0] != entry.sha256:
        return None
    try:
        policy = pinned_policy(installer)
    except TrustError:
        return None
    if policy is None:
        return None
    role, signers = policy.roles[RELEASE], {key.keyid for key in claimed_signers(path)}
    missing = tuple(one.key.fingerprint for one in policy.of_role(RELEASE) if one.key.keyid not in signers)
    return Signatures(len(role.keyids) - len(missing), role.threshold, missing)
