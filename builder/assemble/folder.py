"""The bundle folder of one target: archive, manifest, installer, sums and signatures, plus the trust slip."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from builder.assemble import documents
from builder.assemble.assemble import Contents, write_archive
from builder.assemble.contents import manifest_of, members_of
from builder.assemble.guide import Facts
from builder.signing import slip
from builder.signing.release import Release
from bundle import digest
from bundle.advisories.snapshot import read_snapshot
from bundle.manifest import NAME
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, SUMS
from bundle.reading.delta import BASE
from bundle.signing.policy import RELEASE_NAMESPACE
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from builder.members import Member
    from builder.request.bases import Base
    from builder.request.inputs import Inputs
    from builder.request.run import Run
    from bundle.manifest import Manifest


@dataclass(frozen=True)
class Parts:
    """What a bundle folder needs besides its inputs: the workspace, the installer, and the base of a delta bundle."""

    work: Path
    zipapp: Path
    base: Base | None


@dataclass(frozen=True)
class Built:
    """The result for one target: the bundle folder, its manifest and the trust slip.

    ``archive`` lists the file names of the archive, more than one if it is split into volumes.
    ``base`` is the base of a delta bundle.
    """

    folder: Path
    manifest: Manifest
    zipapp_sha256: str
    archive: tuple[str, ...]
    base: Base | None
    slip: Path


def write_folder(inputs: Inputs, parts: Parts, run: Run) -> Built:
    """Write the bundle folder of one target to the workspace.

    A delta bundle contains only the files that its base bundle lacks, and the manifest of the base.
    """
    target, base = inputs.target, parts.base
    run.progress.step(_("Writing the bundle for {target}, Python {python}").format(target=target, python=target.python))
    # 1. The archive, according to its manifest.
    contents = members_of(inputs, parts.zipapp)
    manifest = manifest_of(inputs, contents)
    left_out = base.left_out(manifest) if base else frozenset()
    folder = parts.work / (base.folder(manifest) if base else manifest.folder)
    folder.mkdir()
    manifest_bytes = manifest.to_bytes()
    packed = Contents(manifest, manifest_bytes, [item for item in contents if item.entry not in left_out])
    sums = write_archive(folder / manifest.archive, packed, run.progress, volume_size=run.request.volume_size)
    archive = tuple(sums)
    # 2. The files next to it.
    sums.update(_written(folder, {NAME: manifest_bytes, **({BASE: base.data} if base else {})}))
    installer = next(item.entry for item in contents if item.entry.path == INSTALLER_MEMBER)
    if installer not in left_out:
        shutil.copy(parts.zipapp, folder / INSTALLER)
        sums[INSTALLER] = installer.sha256
    facts = Facts(manifest.product, target, inputs.common.profile)
    sums.update(_written(folder, documents.beside(facts, starting=installer not in left_out)))
    # 3. The sums of all these files, signed; the trust slip lists the keys to trust.
    release = replace(_sign(folder, manifest, digest.write_sums(sums), run), advisories=_live_advisories(contents))
    return Built(folder, manifest, installer.sha256, archive, base, slip.write_slip(release))


def _live_advisories(contents: Sequence[Member]) -> int | None:
    """Return the number of live advisories in the snapshot to bundle, or None if there is none."""
    for item in contents:
        if item.entry.path == slip.ADVISORIES:
            return read_snapshot(b"".join(item.blocks())).header.counts["live"]
    return None


def _written(folder: Path, beside: Mapping[str, bytes]) -> dict[str, str]:
    """Write small files; return their digests by name."""
    for name, data in beside.items():
        (folder / name).write_bytes(data)
    return {name: digest.sha256_bytes(data) for name, data in beside.items()}


def _sign(folder: Path, manifest: Manifest, sums: bytes, run: Run) -> Release:
    (folder / SUMS).write_bytes(sums)
    for signer in run.request.signers:
        (folder / f"{SUMS}.{signer.key.keyid}.sig").write_bytes(signer.sign(sums, RELEASE_NAMESPACE))
    return Release(folder, manifest, sums, tuple(signer.key for signer in run.request.signers), run.policy)
