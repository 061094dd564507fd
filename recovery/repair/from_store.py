"""Building a whole release from its signed metadata and the store, as a repair and a rollback to a damaged one do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.release import stage
from installer.release.sealing.finish import accept
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.release.digests import Digests
    from installer.release.installation import Installation
    from recovery.inspection.proof import Proof
    from shared.terminal.progress import Progress


def build_whole(installation: Installation, proof: Proof, digests: Digests, progress: Progress) -> Path:
    """Write a release with every package, and test it like a newly installed one; return its Python interpreter."""
    python = write_files(installation, proof, progress)
    stage.stage_environment(installation, python, progress)
    accept(installation, digests, progress)
    return python


def write_files(installation: Installation, proof: Proof, progress: Progress) -> Path:
    """Write all files except the environment; return the Python interpreter for the environment."""
    python = stage.python_for(installation)
    proof.write(installation.release.bundle)
    with progress.wait(_("Writing the application's files")):
        stage.stage_files(installation, python)
    return python
