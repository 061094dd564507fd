"""The options of one build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.backends.workshop import BUILD_TIME_LIMIT
from builder.lock.build_lock import NAME as BUILD_LOCK
from builder.lock.lockfile import NO_PARTS, Parts
from builder.lockfiles.uv_lock import UvLock
from builder.product.identity import UNSAID, Said
from builder.wheels.attesting.attestation_trust import ANYONE, Terms
from builder.wheels.attesting.attestations import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from builder.advisories.gate import GateRequest
    from builder.fetch.cache import Cache
    from builder.lock.lockfile import Lockfile
    from builder.project.hosts_python import HostsPython
    from builder.request.bases import Base
    from builder.signing.sign import Signer
    from bundle.signing.signature import PublicKey
    from bundle.target import Target


@dataclass(frozen=True)
class Request:
    """The options of one build.

    ``counter`` and ``epoch`` (seconds since 1970) are None if they are derived from the project. ``trusted`` lists the
    keys to pin in addition to the signers'; ``threshold`` is the number of keys that must sign, or None if all must.
    ``without_models`` lists models of the profile that are not bundled, ``exclude`` and ``allow_secrets`` patterns of
    files in addition to those of the profile, ``run`` command lines that become launchers. ``lock`` is what locks
    the packages (default: the project's uv.lock), and ``parts`` are the extras and groups of the project to bundle.
    ``said`` is the product's name and version, if they are not the project's. ``sources`` allows building packages from
    source. ``python`` is a Python interpreter to include (an archive, a folder or a version), or None if the host's is
    used. ``volume_size`` is the maximum size of a file of the archive in bytes, or None if unlimited. ``bases`` lists
    the base releases of delta bundles, one for each target; it is empty for full bundles. ``attestations`` is one of
    attestations.MODES, ``attesting`` whom they are believed. ``strict_source`` rejects files that are not in a commit.
    ``wheels`` lists built wheels that replace builds from source. ``build_lock`` is the record of build requirements to
    use instead of the one beside the lockfile, which is then not written; ``build_timeout`` is the time of one build in
    seconds. ``python_choice`` is how the targets' Python version was chosen, or None if they are those of a finished
    bundle.
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
    exclude: tuple[str, ...] = ()
    allow_secrets: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    lock: Lockfile | None = None
    parts: Parts = NO_PARTS
    said: Said = UNSAID
    counter: int | None = None
    epoch: int | None = None
    offline: bool = False
    sources: bool = True
    advisories: GateRequest | None = None
    python: str | None = None
    volume_size: int | None = None
    bases: tuple[Base, ...] = ()
    attestations: str = RECORD
    attesting: Terms = ANYONE
    strict_source: bool = False
    wheels: tuple[Path, ...] = ()
    build_lock: Path | None = None
    build_timeout: int = BUILD_TIME_LIMIT
    python_choice: HostsPython | None = None

    @property
    def lockfile(self) -> Lockfile:
        """The file that locks the packages."""
        return self.lock or UvLock(self.project_root)

    @property
    def build_record(self) -> Path:
        """The record of build requirements that the build reads: one of its own, or that beside the lockfile."""
        return self.build_lock or self.lockfile.path.parent / BUILD_LOCK
