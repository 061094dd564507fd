"""Adopting new policies: the host's by an administrator, a prefix's own by its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.signing import chain
from bundle.signing.policy_files import offered
from installer.trust import memory
from installer.trust.authority import folder_chain, folder_memory, host_chain, host_memory, read_key
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from installer.trust.stores import TrustStores


def update_host(
    paths: Sequence[Path], trust_stores: TrustStores, trusted_keys: Sequence[str] = (), *, dry_run: bool = False
) -> list[chain.Signed]:
    """Extend the host's chain of policies and store it unless this is a dry run; return the new ones.

    Raises HostError if this run is not privileged, TrustError if the chain is not valid.
    """
    if not trust_stores.privileged:
        raise HostError(
            _("{path} is this host's policy; only an administrator can change it.").format(path=trust_stores.host),
            advice=_("Run the command as root, or use --only-prefix to tighten the policy of one installation only."),
        )
    folder, new_policies = trust_stores.host, offered(paths)
    stored, highest = host_chain(trust_stores), host_memory(trust_stores).policy
    chain.check_chain(stored, highest, folder)
    new = _extended(stored, new_policies, trusted_keys)
    if not dry_run:
        trust_stores.make_own()
        _keep(folder, new)
    return new


def update_prefix(
    paths: Sequence[Path], folder: Path, trusted_keys: Sequence[str] = (), *, dry_run: bool = False
) -> list[chain.Signed]:
    """Extend the chain in PREFIX/state/trust, which only ever forbids more; return the new policies."""
    new_policies, stored = offered(paths), folder_chain(folder)
    chain.check_chain(stored, folder_memory(folder).policy, folder)
    new = _extended(stored, new_policies, trusted_keys)
    if not dry_run:
        folder.mkdir(mode=0o700, exist_ok=True)
        _keep(folder, new)
    return new


def _extended(
    stored: Sequence[chain.Signed], new_policies: Sequence[chain.Signed], trusted_keys: Sequence[str]
) -> list[chain.Signed]:
    return chain.extend(stored, new_policies, [read_key(key) for key in trusted_keys])


def _keep(folder: Path, new: Sequence[chain.Signed]) -> None:
    with memory.held(folder):
        if new:
            memory.begin(folder)
        for signed in new:
            chain.write(folder, signed)
            memory.raise_to(folder, policy=signed.policy.number)
