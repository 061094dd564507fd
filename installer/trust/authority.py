"""Who judges a bundle: the host's policy, else the keys pinned in the zipapp, else the operator's word.

Nothing is ever accepted for want of a policy.
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
    from installer.trust.places import Places

HOST, PINNED, OPERATOR = "host", "installer", "operator"


@dataclass(frozen=True)
class Authority:
    """A policy in force and where it comes from: HOST, PINNED or OPERATOR."""

    policy: Policy
    source: str


def authority(places: Places, trusted_keys: Sequence[str] = ()) -> Authority:
    """Return who judges bundles on this host. Raises TrustError when there is nobody to trust."""
    found = find_authority(places, trusted_keys)
    if found is None:
        raise TrustError(
            _("This installer has no trusted keys, so it accepts no bundle."),
            advice=_(
                "Use the ragtrace-install.pyz supplied with the bundle, or specify the signer's key with --trust-key."
            ),
        )
    return found


def find_authority(places: Places, trusted_keys: Sequence[str] = ()) -> Authority | None:
    """Return who judges bundles on this host, None when nobody does: a policy that does not count is no such case.

    The operator's keys are for a first installation where there is neither a policy nor a pin; they never
    stand above either. Raises TrustError for a policy or pins that do not count, or when keys are named in vain.
    """
    source, policy = HOST, host_policy(places)
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
            advice=_("Omit --trust-key; add new keys with a new policy (trust update)."),
        )
    return TrustError(
        _("This installer has embedded signer keys, which --trust-key cannot override."),
        advice=_(
            "Omit --trust-key; for a bundle signed with other keys, verify its installer against its trust slip "
            "and use that one."
        ),
    )


def host_policy(places: Places) -> Policy | None:
    """Return the host's policy, None when there is none. Raises TrustError for one that does not count."""
    return chain.check_chain(host_chain(places), host_memory(places).policy, places.host)


def host_chain(places: Places) -> list[chain.Signed]:
    """Return all policies that the host keeps."""
    return chain.read_all(places.host_names(), lambda name: places.read_host(name) or b"")


def host_memory(places: Places) -> memory.Memory:
    """Return what the host remembers."""
    return stored_by_host(places).memory


def user_memory(places: Places) -> memory.Memory:
    """Return what this user remembers."""
    return stored_by_user(places).memory


def stored_by_host(places: Places) -> memory.Stored:
    """Return what the host remembers, and what is wrong with it."""
    return memory.read(places.host_names(), places.read_host)


def stored_by_user(places: Places) -> memory.Stored:
    """Return what this user remembers; where the user may not even read, nothing can be stored.

    Raises TrustError when others could have changed it; who keeps it for the host takes no notice of such a one.
    """
    if not os.path.lexists(places.user):
        return memory.Stored()
    try:
        places.require_users_own()
    except TrustError:
        if places.privileged:
            return memory.Stored()
        raise
    return memory.read_folder(places.user)


def folder_memory(folder: Path) -> memory.Memory:
    """Return what a folder of no special rights remembers."""
    return memory.read_folder(folder).memory


def folder_chain(folder: Path) -> list[chain.Signed]:
    """Return the policies that such a folder keeps."""
    names = names_in(folder) if is_there(folder) else []
    return chain.read_all(names, lambda name: read_small(folder / name))


def prefix_policy(folder: Path) -> Policy | None:
    """Return the policy in PREFIX/state/trust, which may only forbid more than the authority does."""
    return chain.check_chain(folder_chain(folder), folder_memory(folder).policy, folder)


def read_key(key: str) -> PublicKey:
    """Return the key of an OpenSSH public key line, or of the file that holds one."""
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
            _("The public key {path} cannot be read.").format(path=path), advice=_("Specify a .pub file.")
        ) from error
