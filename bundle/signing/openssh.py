"""Files that let OpenSSH's own programs verify signatures as a policy does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.signing.policy import NAMESPACES

if TYPE_CHECKING:
    from bundle.signing.policy import Policy


def allowed_signers(policy: Policy, role: str) -> str:
    """Return an allowed_signers file: with it, ``ssh-keygen -Y verify -I <keyid>`` verifies a role's signatures.

    Format: ssh-keygen(1), ALLOWED SIGNERS. OpenSSH has no threshold, so a comment states it.
    Times in UTC need OpenSSH 9.1. The file is empty if the role has no keys.
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
