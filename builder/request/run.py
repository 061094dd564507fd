"""A run of the builder: the context of every step, and the inputs that are read before anything is fetched."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from builder.backends.workshop import Workshop
from builder.fetch.credentials import index_logins
from builder.fetch.fetching import Fetching
from builder.lock.build_lock import read_build_lock
from bundle.signing.policy import RELEASE, pins
from shared.errors import TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from builder.advisories.gate import Knowledge
    from builder.lock.lock import Lock
    from builder.lock.targets import Standing
    from builder.project.profile import Profile
    from builder.request.bases import Base
    from builder.request.request import Request
    from builder.request.state import SourceState
    from builder.sources.source import SourceFile
    from bundle.manifest import Product
    from bundle.signing.policy import Policy
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Run:
    """The context of a build: the request, the policy that installers pin, and the progress display."""

    request: Request
    policy: Policy
    progress: Progress

    @property
    def fetching(self) -> Fetching:
        """How to fetch files that do not come from the project's indexes."""
        return Fetching(self.request.cache, self.progress, self.request.offline)

    @cached_property
    def workshop(self) -> Workshop:
        """The context of builds from source, including the logins of the project's indexes."""
        settings = self.request.lockfile.settings()
        if "frozen" in self.request.lockfile.options():
            settings = replace(settings, overrides=True)
        fetching = replace(self.fetching, logins=index_logins(settings, os.environ))
        record = read_build_lock(self.request.build_record)
        return Workshop(settings, fetching, record, self.request.wheels, self.request.build_timeout)

    @property
    def keyids(self) -> tuple[str, ...]:
        """The key IDs of the release signers that installers pin."""
        return tuple(signer.key.keyid for signer in self.policy.of_role(RELEASE))


@dataclass(frozen=True)
class Scope:
    """The inputs read from a project; ``bases`` is keyed by target name, ``epoch`` is in seconds since 1970."""

    product: Product
    profile: Profile
    lock: Lock
    knowledge: Knowledge | None
    standings: Sequence[Standing]
    state: SourceState
    sources: Sequence[SourceFile]
    epoch: int
    bases: Mapping[str, Base]


def run_of(request: Request, progress: Progress) -> Run:
    """Return the run of a request. Raises UsageError if the keys and the threshold do not match."""
    return Run(request, pinned(request), progress)


def pinned(request: Request) -> Policy:
    """Return the policy that the zipapp pins. Raises UsageError if the keys and the threshold do not match."""
    keys = tuple(dict.fromkeys([*(signer.key for signer in request.signers), *request.trusted]))
    try:
        policy = pins(keys, request.threshold)
    except TrustError as error:
        raise UsageError(error.what, advice=_("Specify each key once, and a threshold that they can meet.")) from error
    # release signers may also sign advisories and exceptions, which need less trust than code
    release = policy.roles[RELEASE]
    return replace(policy, roles={RELEASE: release, "advisories": release, "exceptions": release})
