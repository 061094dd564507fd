"""What bundles are made of, gathered: the choices, the source, the wheels, the models, what verifies them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bundle.manifest import WHEELS, Package

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from builder.lock.lock import Lock, Selection
    from builder.lock.locked import LockedWheel
    from builder.members import Member
    from builder.models.models import CollectedModel
    from builder.project.model_source import ModelSource
    from builder.project.profile import Profile
    from builder.project.source import SourceFile
    from builder.request.state import SourceState
    from builder.request.verification import Verification
    from builder.wheels.attestations import Verdict
    from builder.wheels.wheels import WheelFacts
    from bundle.manifest import Product
    from bundle.target import Target


@dataclass(frozen=True)
class Wheel:
    """A fetched wheel: what the lock says of it, where it lies, and what is inside."""

    locked: LockedWheel
    path: Path
    facts: WheelFacts

    @property
    def package(self) -> Package:
        locked = self.locked
        return Package(locked.name, locked.version, f"{WHEELS}/{locked.filename}", self.facts.licence)


@dataclass(frozen=True)
class Common:
    """What the bundles of one run share; ``epoch`` is their time in seconds since 1970.

    ``parameters`` are the choices of the person who builds, as the provenance states them.
    """

    product: Product
    profile: Profile
    lock: Lock
    models: Sequence[tuple[ModelSource, CollectedModel]]
    sources: Sequence[SourceFile]
    state: SourceState
    epoch: int
    parameters: Mapping[str, Any]
    attestations: Mapping[LockedWheel, Verdict] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """All that one bundle is made of, but the zipapp; ``keyids`` are of the keys that this pins."""

    common: Common
    target: Target
    selection: Selection
    wheels: Sequence[Wheel]
    verification: Verification
    python: tuple[Member, ...] = ()
    keyids: tuple[str, ...] = ()
