"""The evidence about a release: its receipt, its signed manifest, and the files that differ from them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.logs import audit_log
from installer.release import receipt as receipts
from installer.release import signed
from installer.release.installation import Installation
from recovery.inspection import store_faults
from recovery.inspection.finding import Finding
from recovery.inspection.prefix_faults import is_in
from recovery.inspection.proof import Proof, find_proof
from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _
from validator.finding_kinds import MANIFEST, RECEIPT, SEAL

if TYPE_CHECKING:
    from bundle.manifest import FileEntry
    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.digests import Digests
    from installer.release.receipt import Deviation, Receipt


@dataclass
class Evidence:
    """The evidence by which a release is evaluated.

    Before ``gather``, everything from ``receipt`` on is empty; after it, ``receipt`` and ``proof`` are None if they are
    not reliable. ``deviations`` lists the differences from the receipt, and ``lacking`` lists the files of the proven
    manifest that are missing or damaged in the store.
    """

    prefix: Prefix
    release: Release
    policy: Policy | None
    digests: Digests
    receipt: Receipt | None = None
    proof: Proof | None = None
    deviations: tuple[Deviation, ...] = ()
    lacking: tuple[FileEntry, ...] = ()

    @property
    def installation(self) -> Installation | None:
        """The release with its proven manifest, or None if no manifest is proven."""
        return Installation(self.prefix, self.release, self.proof.manifest, self.receipt) if self.proof else None

    def gather(self, closed: tuple[str, ...]) -> list[Finding]:
        """Collect the evidence, and return the findings about the receipt and the proof themselves.

        1. Read the receipt, and find the proven manifest.
        2. Compare the release and the store with them. ``closed`` lists unreadable paths; they are left out here, and
           compared in another inspection once their permissions are repaired.
        3. If the receipt matches files that differ from the signed ones, discard it, and find the proof without it.
        """
        prefix, release = self.prefix, self.release
        # 1.
        self.receipt, findings = _receipt(prefix, release)
        self.proof = find_proof(prefix, release, self.receipt, self.policy)
        # 2.
        found = self._compare(closed)
        # 3.
        altered = self._vouched_for_falsely(found)
        if altered:
            details = _("the receipt lists files that differ from the signed ones")
            findings.append(Finding(RECEIPT, release.id, details, altered))
            self.receipt, self.deviations = None, ()
            self.proof = find_proof(prefix, release, None, self.policy)
        if self.proof is None:
            details = _("this host has no trusted manifest that proves what the release was built from")
            findings.append(Finding(MANIFEST, release.id, details))
        return findings

    def _compare(self, closed: tuple[str, ...]) -> dict[str, str]:
        """Set ``deviations`` and ``lacking``; return the contents of the release by path, empty without a receipt."""
        receipt, proof, digests = self.receipt, self.proof, self.digests
        if proof is not None:
            digests.bound_by(proof.manifest)
        with ThreadPoolExecutor(1) as aside:  # stored wheels are few and large, installed files many and small
            lacking = aside.submit(store_faults.lacking, self.prefix, proof.manifest, digests) if proof else None
            found = dict(receipts.contents(self.release.path, digests)) if receipt else {}
            self.lacking = lacking.result() if lacking else ()
        deviations = receipts.against(found, receipt) if receipt else ()
        self.deviations = tuple(item for item in deviations if not is_in(str(self.release.path / item.path), closed))
        return found

    def _vouched_for_falsely(self, found: dict[str, str]) -> tuple[str, ...]:
        """Return the paths of the files that match the receipt but not the signed manifest."""
        proven = self.installation
        if proven is None or proven.receipt is None or not proven.receipt.locked:
            return ()
        known = {deviation.path for deviation in self.deviations}
        compared = signed.compare(proven, self.digests, found)
        return tuple(deviation.path for deviation in compared.deviations if deviation.path not in known)


def _receipt(prefix: Prefix, release: Release) -> tuple[Receipt | None, list[Finding]]:
    """Return a release's receipt, or None, and the findings about it.

    The receipt is confirmed if its digest is the one in the completion mark and the audit log has no other, or if it is
    the one in the audit log.
    """
    receipt, reason = _sealed_receipt(release)
    if receipt is not None and not receipts.contradicted(prefix, release):
        return receipt, []
    if receipt is not None:
        reason = _("the audit log has a different receipt for {release}").format(release=release.id)
    logged = audit_log.receipt_of(prefix, release.id)
    if logged is not None:
        receipt, _reason = _sealed_receipt(release, logged)
        if receipt is not None:
            details = _("{release} has no valid completion mark").format(release=release.id)
            return receipt, [Finding(SEAL, release.id, details, (release.complete_file.name,))]
    return None, [Finding(RECEIPT, release.id, reason, (release.receipt_file.name, release.complete_file.name))]


def _sealed_receipt(release: Release, sealed: str | None = None) -> tuple[Receipt | None, str]:
    """Return the receipt if its digest is ``sealed`` (default: that in the mark) and '', or None and the reason."""
    try:
        if release.receipt_file.is_symlink():
            return None, _("{path} is a link").format(path=release.receipt_file)
        receipt = receipts.read_receipt(release, sealed)
    except RagtraceError as error:
        return None, error.what
    except OSError as error:
        return None, troubles.described(error)
    if receipt.release == release.id and receipt.manifest_sha256.startswith(release.order[1]):
        return receipt, ""
    return None, _("the receipt belongs to another release ({name})").format(name=receipt.release)
