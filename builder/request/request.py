"""The options of one build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.wheels.attestations import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from builder.advisories.gate import GateRequest
    from builder.fetch.cache import Cache
    from builder.lock.workspace import Workspace
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
    ``without_models`` lists models of the profile that are not bundled, ``exclude`` patterns of files that are excluded
    in addition to those of the profile, ``run`` command lines that become launchers. ``extras`` and ``groups`` of the
    project are bundled; ``sources`` allows building packages from source. ``python`` is a Python interpreter to include
    (an archive, a folder or a version), or None if the host's is used. ``volume_size`` is the maximum size of a file of
    the archive in bytes, or None if unlimited. ``bases`` lists the base releases of delta bundles, one for each target;
    it is empty for full bundles. ``attestations`` is one of attestations.MODES. ``strict_source`` rejects files that
    are not in a commit. ``wheels`` lists built wheels that replace builds from source. ``build_lock`` is the record of
    build requirements to use instead of the project's, which is then not written. ``workspace`` is the project with the
    folder of its lockfile; ``python_choice`` is how the targets' Python version was chosen, or None if they are those
    of a finished bundle.
    """

    workspace: Workspace
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
    run: tuple[str, ...] = ()
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
    wheels: tuple[Path, ...] = ()
    build_lock: Path | None = None
    python_choice: HostsPython | None = None

    @property
    def project_root(self) -> Path:
        """The folder of the project."""
        return self.workspace.project
