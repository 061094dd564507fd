"""Whether this host knows the signers of a bundle already, so that nobody has to compare its installer with paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.names import INSTALLER
from bundle.signing.policy import RELEASE, judge
from bundle.signing.policy_files import pinned_policy
from installer.trust.authority import host_policy
from shared.errors import RagtraceError

if TYPE_CHECKING:
    from bundle.opening import Bundle
    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores


def is_known(bundle: Bundle, prefix: Prefix, trust_stores: TrustStores) -> bool:
    """Return whether the host's policy, or the installer of the active release, accepts a bundle's signers."""
    active = prefix.active()
    try:
        policy = host_policy(trust_stores)
        if policy is None and active is not None:
            policy = pinned_policy(active.bundle / INSTALLER)
        if policy is None:
            return False
        judge(policy, RELEASE, [signer.key for signer in bundle.signers], None)
    except RagtraceError:
        return False
    return True
