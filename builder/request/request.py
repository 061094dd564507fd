"""What somebody asks to have built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.wheels.attestations import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from builder.advisories.gate import GateRequest
    from builder.fetch.cache import Cache
    from builder.request.bases import Base
    from builder.signing.sign import Signer
    from bundle.signing.signature import PublicKey
    from bundle.target import Target


@dataclass(frozen=True)
class Request:
    """What to build. ``counter`` and ``epoch`` (seconds since 1970) are None when the project decides.

    ``trusted`` are keys to pin besides the signers'; ``threshold`` of all must sign, None for each of them.
    ``without_models`` names models of the profile that do not travel.
    ``extras`` and ``groups`` of the project travel too; ``sources`` lets packages be built from source.
    ``python`` is an archive or version of a Python that the bundles embed, None for the host's.
    ``volume_size`` is the most bytes that a file of the archive may have, None for no limit. ``bases`` are the
    releases that deltas build on, one for each target, none for whole bundles. ``attestations`` is how those of the
    index are inspected, one of attestations.MODES. ``strict_source`` refuses what no commit has.
    """

    project_root: Path
    output_dir: Path
    targets: tuple[Target, ...]
    signers: tuple[Signer, ...]
    cache: Cache
    trusted: tuple[PublicKey, ...] = ()
    threshold: int | None = None
    profile: str | None = None
    models: tuple[str, ...] = ()
    without_models: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    counter: int | None = None
    epoch: int | None = None
    offline: bool = False
    sources: bool = True
    advisories: GateRequest | None = None
    python: str | None = None
    volume_size: int | None = None
    bases: tuple[Base, ...] = ()
    attestations: str = RECORD
    strict_source: bool = False
