"""The state of trust on this host: the policies in force and the recorded counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle.signing.policy import RELEASE, judge
from bundle.signing.policy_files import policy_json
from installer.layout.proofs import read_metadata
from installer.trust.authority import Authority, find_authority, host_memory, prefix_policy, user_memory
from shared.errors import TrustError

if TYPE_CHECKING:
    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores


@dataclass(frozen=True)
class State:
    """The authority (None if nothing is accepted), the policy of a prefix that forbids more, the highest counters."""

    authority: Authority | None
    tightened: Policy | None
    counters: dict[str, int]
    trust_stores: TrustStores

    def to_json(self) -> dict[str, Any]:
        found = self.authority
        return {
            "source": found.source if found else None,
            "policy": policy_json(found.policy) if found else None,
            "prefix_policy": policy_json(self.tightened) if self.tightened else None,
            "host_folder": str(self.trust_stores.host),
            "counters": self.counters,
        }


def why_untrusted(trust_stores: TrustStores, prefix: Prefix) -> str | None:
    """Return why the policies in force reject the signers of the active release, or None if they do not."""
    release = prefix.active()
    state = read_state(trust_stores, prefix)
    if release is None or state.authority is None:
        return None
    try:
        keys = read_metadata(release.bundle).claimed_signers()
        for policy in filter(None, (state.authority.policy, state.tightened)):
            judge(policy, RELEASE, keys, None)  # a key that has expired since then does not invalidate its signatures
    except TrustError as error:
        return error.what
    return None


def read_state(trust_stores: TrustStores, prefix: Prefix | None) -> State:
    """Return the state of trust. Raises TrustError if a policy is not valid or a chain is broken."""
    counters: dict[str, int] = {}
    for memory in (host_memory(trust_stores), user_memory(trust_stores)):
        for name, counter in memory.products.items():
            counters[name] = max(counter, counters.get(name, 0))
    return State(
        find_authority(trust_stores),
        prefix_policy(prefix.trust) if prefix is not None else None,
        counters,
        trust_stores,
    )
