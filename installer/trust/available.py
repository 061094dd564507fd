"""What a repair may take from: a bundle that the operator names, or one beside the running zipapp.

A repair is no place for dates: a clock that is wrong or a key that has run out is reported, and stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.opening import open_bundle
from installer.layout.location.own_command import zipapp
from installer.trust.admission import Candidate, Conditions, admit
from installer.trust.authority import authority, find_authority
from shared.errors import RagtraceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.trust.admission import AdmittedBundle
    from installer.trust.places import Places

WHATEVER_THE_CLOCK_SAYS = Conditions(accept_clock=True)


@dataclass(frozen=True)
class Available:
    """A bundle that was ``named`` or that is beside the zipapp, and the policy in force; None: there is none."""

    candidate: Candidate | None = None
    policy: Policy | None = None
    named: bool = False

    def admit(self) -> AdmittedBundle | None:
        """Return the bundle if it may be installed; raises what is wrong with one that was named."""
        if self.candidate is None:
            return None
        try:
            return admit(self.candidate)
        except (RagtraceError, OSError):
            if self.named:
                raise
            return None


def find(prefix: Prefix, named: Path | None, trusted_keys: Sequence[str], places: Places) -> Available:
    """Return what is available for an installation.

    Raises TrustError for a policy that does not count, and what is wrong with a bundle that was named; one
    that is only beside the zipapp is left when it cannot be opened.
    """
    if named is not None:
        policy = authority(places, trusted_keys).policy
        candidate = Candidate(open_bundle(named, policy), prefix, places, WHATEVER_THE_CLOCK_SAYS)
        return Available(candidate, policy, named=True)
    found = find_authority(places, trusted_keys)
    policy_or_none, running = found.policy if found else None, zipapp()
    if policy_or_none is None or running is None:
        return Available(policy=policy_or_none)
    try:
        bundle = open_bundle(running.parent, policy_or_none)
    except (RagtraceError, OSError):
        return Available(policy=policy_or_none)
    return Available(Candidate(bundle, prefix, places, WHATEVER_THE_CLOCK_SAYS), policy_or_none)
