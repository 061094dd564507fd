"""Rebuild a damaged previous release for a rollback, from the files on this host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from installer.install import preflight
from installer.release.installation import Installation
from installer.release.sealing.finish import Origin, finish
from installer.trust.authority import find_authority
from recovery.inspection.inspection import Known, inspect
from recovery.planning.transfer import what_to_transfer
from recovery.repair.from_store import build_whole
from recovery.repair.in_place import repair_store
from shared import reading
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from installer.change.transaction import Transaction
    from installer.install.rollback import Build
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.trust.stores import TrustStores
    from recovery.inspection.inspection import Inspection
    from shared.terminal.progress import Progress


def rebuilding(trust_stores: TrustStores) -> Callable[[Prefix, Release, str], Build]:
    """Return a function that checks whether a damaged release can be rebuilt and returns a function to rebuild it.

    The rebuilding runs in a transaction. The check raises HostError if something must be transferred first, or if this
    host does not meet the requirements of the release. The policy in ``trust_stores`` is needed if the receipt of the
    release is lost.
    """

    def check(prefix: Prefix, release: Release, trouble: str) -> Build:
        found = find_authority(trust_stores, ())
        inspection = inspect(prefix, Known(reads_store=True, policy=found.policy if found else None), release=release)
        if inspection.proof is None or inspection.lost:
            raise HostError(
                _("{release} is damaged and was not activated: {reason}.").format(release=release.id, reason=trouble),
                advice=_("{what} Then install it, or specify another release with --to.").format(
                    what=what_to_transfer(inspection)
                ),
            )
        manifest = inspection.proof.manifest
        preflight.require_ok([*preflight.runtime(manifest), preflight.repair_space(manifest, prefix, None)])
        if not reading.is_folder(release.path):
            prefix.retire_name(release)  # logs contain its name, so no other release may get it
        return lambda change, progress: _build(inspection, change, progress)

    return check


def _build(inspection: Inspection, change: Transaction, progress: Progress) -> None:
    """Repair the store, then build, test and seal the transaction's release from the damaged one's manifest."""
    assert inspection.proof is not None  # the check above requires it
    proof, release = inspection.proof, change.release
    installation = Installation(change.prefix, release, proof.manifest)
    repair_store(inspection)
    change.make_folders(proof.manifest)
    python = build_whole(installation, proof, inspection.digests, progress)
    finish(installation, Origin(python, proof.fingerprints, inspection.digests), progress)
