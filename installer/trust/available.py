"""The bundle that a repair may use: one that the operator names, or one next to the running zipapp.

A repair does not depend on dates: a wrong clock or an expired key is reported and blocks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.opening import open_bundle
from installer.layout.location import own_command
from installer.trust.admission import Candidate, Conditions, admit
from installer.trust.authority import authority, find_authority
from shared.errors import RagtraceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.trust.admission import AdmittedBundle
    from installer.trust.stores import TrustStores

WHATEVER_THE_CLOCK_SAYS = Conditions(accept_clock=True)


@dataclass(frozen=True)
class Available:
    """The bundle that was ``named`` or found next to the zipapp, and the policy in force; each may be None."""

    candidate: Candidate | None = None
    policy: Policy | None = None
    named: bool = False

    def admit(self) -> AdmittedBundle | None:
        """Return the bundle if it may be installed, else None. Raises the error if the operator named the bundle."""
        if self.candidate is None:
            return None
        try:
            return admit(self.candidate)
        except (RagtraceError, OSError):
            if self.named:
                raise
            return None


def find_available(
    prefix: Prefix, named: Path | None, trusted_keys: Sequence[str], trust_stores: TrustStores
) -> Available:
    """Return the bundle available for a repair.

    Raises TrustError if a policy is not valid, and any error of a bundle that was named; one that is only next to the
    zipapp is ignored if it cannot be opened.
    """
    if named is not None:
        policy = authority(trust_stores, trusted_keys).policy
        candidate = Candidate(open_bundle(named, policy), prefix, trust_stores, WHATEVER_THE_CLOCK_SAYS)
        return Available(candidate, policy, named=True)
    found = find_authority(trust_stores, trusted_keys)
    policy_or_none, beside = found.policy if found else None, own_command.folder()
    if policy_or_none is None or beside is None:
        return Available(policy=policy_or_none)
    try:
        bundle = open_bundle(beside, policy_or_none)
    except (RagtraceError, OSError):
        return Available(policy=policy_or_none)
    return Available(Candidate(bundle, prefix, trust_stores, WHATEVER_THE_CLOCK_SAYS), policy_or_none)
