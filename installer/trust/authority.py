"""The authority for a bundle: the host's policy, else the keys pinned in the zipapp, else the operator's keys.

A missing policy never means that a bundle is accepted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.signing import chain
from bundle.signing.policy import pins
from bundle.signing.policy_files import pinned_policy
from bundle.signing.signature import KEY_LIMIT, PublicKey, parse_public_key
from bundle.signing.small_files import is_there, names_in, read_small
from installer.layout.location.own_command import zipapp
from installer.trust import memory
from shared import reading, troubles
from shared.errors import TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.signing.policy import Policy
    from installer.trust.stores import TrustStores

HOST, PINNED, OPERATOR = "host", "installer", "operator"


@dataclass(frozen=True)
class Authority:
    """A policy in force and its source: HOST, PINNED or OPERATOR."""

    policy: Policy
    source: str


def authority(trust_stores: TrustStores, trusted_keys: Sequence[str] = ()) -> Authority:
    """Return the authority for bundles on this host. Raises TrustError if there is none."""
    found = find_authority(trust_stores, trusted_keys)
    if found is None:
        raise TrustError(
            _("This installer has no trusted keys, so it accepts no bundle."),
            advice=_(
                "Use the ragtrace-install.pyz supplied with the bundle, or specify the signer's key with --trust-key."
            ),
        )
    return found


def find_authority(trust_stores: TrustStores, trusted_keys: Sequence[str] = ()) -> Authority | None:
    """Return the authority for bundles on this host, or None if there is none.

    The operator's keys are for a first installation without a policy or pins; they never override either. Raises
    TrustError if a policy or pins are not valid, or if the operator names keys although one of them exists.
    """
    source, policy = HOST, host_policy(trust_stores)
    if policy is None:
        source, policy = PINNED, pinned_policy(zipapp())
    if policy is not None:
        if trusted_keys:
            raise _named_in_vain(source)
        return Authority(policy, source)
    if trusted_keys:
        return Authority(pins([read_key(key) for key in trusted_keys]), OPERATOR)
    return None


def _named_in_vain(source: str) -> TrustError:
    if source == HOST:
        return TrustError(
            _("This host has a policy, which --trust-key cannot override."),
            advice=_("Omit --trust-key; add new keys with a new policy (`trust update`)."),
        )
    return TrustError(
        _("This installer has embedded signer keys, which --trust-key cannot override."),
        advice=_(
            "Omit --trust-key; for a bundle signed with other keys, verify its installer against its trust "
            "slip and use that installer."
        ),
    )


def host_policy(trust_stores: TrustStores) -> Policy | None:
    """Return the host's policy, or None if there is none. Raises TrustError if it is not valid."""
    return chain.check_chain(host_chain(trust_stores), host_memory(trust_stores).policy, trust_stores.host)


def host_chain(trust_stores: TrustStores) -> list[chain.Signed]:
    """Return all policies that the host stores."""
    return chain.read_all(trust_stores.host_names(), lambda name: trust_stores.read_host(name) or b"")


def host_memory(trust_stores: TrustStores) -> memory.Memory:
    """Return the memory of the host."""
    return stored_by_host(trust_stores).memory


def user_memory(trust_stores: TrustStores) -> memory.Memory:
    """Return the memory of this user."""
    return stored_by_user(trust_stores).memory


def stored_by_host(trust_stores: TrustStores) -> memory.Stored:
    """Return the memory of the host, and its problems."""
    return memory.read(trust_stores.host_names(), trust_stores.read_host)


def stored_by_user(trust_stores: TrustStores) -> memory.Stored:
    """Return the memory of this user, and its problems; it is empty if the folder is missing or not accessible.

    If other users could have changed it, it is empty for a privileged run, which uses the host's memory; otherwise
    raises TrustError.
    """
    if not os.path.lexists(trust_stores.user):
        return memory.Stored()
    try:
        trust_stores.require_users_own()
    except TrustError:
        if trust_stores.privileged:
            return memory.Stored()
        raise
    return memory.read_folder(trust_stores.user)


def folder_memory(folder: Path) -> memory.Memory:
    """Return the memory of a folder whose owner is not checked."""
    return memory.read_folder(folder).memory


def folder_chain(folder: Path) -> list[chain.Signed]:
    """Return the policies in a folder whose owner is not checked."""
    names = names_in(folder) if is_there(folder) else []
    return chain.read_all(names, lambda name: read_small(folder / name))


def prefix_policy(folder: Path) -> Policy | None:
    """Return the policy in PREFIX/state/trust, or None; it can only forbid more than the authority does."""
    return chain.check_chain(folder_chain(folder), folder_memory(folder).policy, folder)


def read_key(key: str) -> PublicKey:
    """Return the key of an OpenSSH public key line, or of the file that contains one."""
    return parse_public_key(key if key.startswith(("ssh-", "ecdsa-", "sk-")) else _line(Path(key)))


def _line(path: Path) -> str:
    try:
        if path.stat().st_size > KEY_LIMIT:
            raise UsageError(_("{path} is not a public key.").format(path=path), advice=_("Specify a .pub file."))
        return reading.read(path, KEY_LIMIT, follow=True).decode("utf-8").strip()
    except OSError as error:
        wanted = _("Specify a .pub file.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            _("{path} is not a public key.").format(path=path), advice=_("Specify a .pub file.")
        ) from error
