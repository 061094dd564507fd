"""The collected inputs of bundles: options, source, wheels, models and the files for vulnerability scans."""

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
    from builder.request.state import SourceState
    from builder.request.verification import Verification
    from builder.sources.source import SourceFile
    from builder.wheels.attesting.attestation_record import Verdict
    from builder.wheels.wheels import WheelFacts
    from bundle.manifest import Product
    from bundle.target import Target


@dataclass(frozen=True)
class Wheel:
    """A fetched wheel: its lockfile entry, its path, and a summary of its contents."""

    locked: LockedWheel
    path: Path
    facts: WheelFacts

    @property
    def package(self) -> Package:
        locked = self.locked
        return Package(locked.name, locked.version, f"{WHEELS}/{locked.filename}", self.facts.licence)


@dataclass(frozen=True)
class Common:
    """The inputs that all bundles of one run share; ``epoch`` is their time in seconds since 1970.

    ``parameters`` maps the options of the build to their values, as recorded in the provenance.
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
    """All inputs of one bundle except the zipapp; ``keyids`` belong to the keys that the zipapp pins."""

    common: Common
    target: Target
    selection: Selection
    wheels: Sequence[Wheel]
    verification: Verification
    python: tuple[Member, ...] = ()
    keyids: tuple[str, ...] = ()
