"""The last steps of making a release: testing it, its receipt, and its seal; installation and repair share them."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from bundle.digest import sha256_file
from bundle.wheels import structure
from installer.layout import proofs, seal
from installer.logs import usage
from installer.logs.identity import identity_of, settle
from installer.release import acceptance, receipt, stage
from installer.userdata import persist
from shared import __version__
from shared.i18n import _
from shared.processes import process
from shared.programs.uv import base_interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from installer.release.digests import Digests
    from installer.release.installation import Installation
    from shared.terminal.progress import Progress

VERSION_TIME_LIMIT = 60.0  # seconds


@dataclass(frozen=True)
class Origin:
    """The origin of a release, for its receipt.

    ``digests`` caches the digests of files that were just hashed; ``damaged`` maps the paths of files known to be
    damaged to the content that they should have. ``is_locked`` is false if its set of packages is not the signed one.
    """

    python: Path
    signers: tuple[str, ...]
    digests: Digests
    is_locked: bool = True
    damaged: Mapping[str, str] = field(default_factory=dict)

    def receipt(
        self, installation: Installation, items: tuple[receipt.Item, ...], used: usage.Usage | None
    ) -> receipt.Receipt:
        """Return the receipt of a release as of now, with its inventory and the resources that building it used."""
        release, product = installation.release, installation.manifest.product
        return receipt.Receipt(
            release=release.id,
            product=product.name,
            version=product.version,
            counter=product.counter,
            manifest_sha256=sha256_file(release.bundle / "MANIFEST.json")[0],
            signers=self.signers,
            installed=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            interpreter=str(self.python),
            interpreter_version=version_of(self.python),
            interpreter_sha256=sha256_file(self.python)[0],
            installer_version=__version__,
            locked=self.is_locked,
            items=items,
            usage=used,
            identity=identity_of(installation.prefix),
        )


def accept(installation: Installation, digests: Digests, progress: Progress) -> None:
    """Compare a built release with its RECORDs and the lockfile, then test it on scratch data."""
    with structure.blamed(installation.store.wheels(installation.manifest.of_kind("wheel"))):
        acceptance.check_records(installation, digests, progress)
    with stage.on_scratch_data(installation):
        acceptance.try_out(installation, progress)


def finish(installation: Installation, origin: Origin, progress: Progress, *, meter: usage.Meter | None = None) -> None:
    """Link the user's data to an accepted release, write the receipt, and seal the release."""
    prefix, release, meter = installation.prefix, installation.release, meter or usage.Meter()
    persist.link_to(release, installation.manifest, prefix.data)
    with meter.phase(usage.INVENTORY), progress.wait(_("Reading every file of the release")):
        items = receipt.take_inventory(release, installation.site_packages, origin.digests, installation.winners)
    items = receipt.with_expected(items, origin.damaged)
    settle(prefix)
    receipt.write_receipt(release, origin.receipt(installation, items, meter.usage()))
    proofs.keep(prefix, proofs.read_metadata(release.bundle))
    with progress.wait(_("Syncing the release to disk")):
        seal.seal(release)


def version_of(python: Path) -> str:
    """Return an interpreter's version; the running one is not started again."""
    if python == base_interpreter():
        return platform.python_version()
    return reported_version(python)


def reported_version(python: Path) -> str:
    """Return the version that an interpreter reports. Raises ToolError if it does not report one."""
    code = "import platform; print(platform.python_version())"
    reported = process.run([str(python), "-I", "-B", "-c", code], timeout=VERSION_TIME_LIMIT)
    return process.checked(reported, str(python)).stdout.strip()
