"""What is known of a release for certain, and what of it is not as it was sealed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.logs import audit_log
from installer.release import receipt as receipts
from installer.release import signed
from installer.release.installation import Installation
from recovery.inspection import stored
from recovery.inspection.around import is_in
from recovery.inspection.finding import Finding
from recovery.inspection.proof import Proof, find_proof
from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _
from validator.remedy import MANIFEST, RECEIPT, SEAL

if TYPE_CHECKING:
    from bundle.manifest import FileEntry
    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.digests import Digests
    from installer.release.receipt import Deviation, Receipt


@dataclass
class Evidence:
    """What a release can be judged by.

    ``receipt`` and ``proof`` are None when they can't be relied on. ``deviations`` are what differs from the receipt,
    ``lacking`` what the store should hold by the proof and does not.
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
        """The release with the manifest that it is proven to be made from, None where nothing proves one."""
        return Installation(self.prefix, self.release, self.proof.manifest, self.receipt) if self.proof else None

    def gather(self, closed: tuple[str, ...]) -> list[Finding]:
        """Find all of it, and return what is wrong with receipt and proof themselves.

        1. The receipt, and what the release was made from.
        2. What is in the release and in the store; ``closed`` are the paths that nobody can read, checked
           again once their rights are repaired.
        3. A receipt that lists what was not signed counts for nothing.
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
            details = _("this host has no copy of the signed manifest to prove what the release was built from")
            findings.append(Finding(MANIFEST, release.id, details))
        return findings

    def _compare(self, closed: tuple[str, ...]) -> dict[str, str]:
        """Hash what is in the release and in the store; return the contents of the release by path."""
        receipt, proof, digests = self.receipt, self.proof, self.digests
        if proof is not None:
            digests.bound_by(proof.manifest)
        with ThreadPoolExecutor(1) as aside:  # stored wheels are few and large, installed files many and small
            lacking = aside.submit(stored.lacking, self.prefix, proof.manifest, digests) if proof else None
            found = dict(receipts.contents(self.release.path, digests)) if receipt else {}
            self.lacking = lacking.result() if lacking else ()
        deviations = receipts.against(found, receipt) if receipt else ()
        self.deviations = tuple(item for item in deviations if not is_in(str(self.release.path / item.path), closed))
        return found

    def _vouched_for_falsely(self, found: dict[str, str]) -> tuple[str, ...]:
        """Return the files that are as the receipt says and not as signed."""
        proven = self.installation
        if proven is None or proven.receipt is None or not proven.receipt.locked:
            return ()
        known = {deviation.path for deviation in self.deviations}
        compared = signed.compare(proven, self.digests, found)
        return tuple(deviation.path for deviation in compared.deviations if deviation.path not in known)


def _receipt(prefix: Prefix, release: Release) -> tuple[Receipt | None, list[Finding]]:
    """Return a release's receipt, or what is wrong with it.

    The mark confirms it unless the audit log contradicts; where the mark is lost, the log's line on its activation.
    """
    receipt, reason = _sealed_receipt(release)
    if receipt is not None and not receipts.contradicted(prefix, release):
        return receipt, []
    if receipt is not None:
        reason = _("the audit log has another receipt for {release}").format(release=release.id)
    logged = audit_log.receipt_of(prefix, release.id)
    if logged is not None:
        receipt, _reason = _sealed_receipt(release, logged)
        if receipt is not None:
            details = _("{release} has no completion mark").format(release=release.id)
            return receipt, [Finding(SEAL, release.id, details, (release.complete_file.name,))]
    return None, [Finding(RECEIPT, release.id, reason, (release.receipt_file.name, release.complete_file.name))]


def _sealed_receipt(release: Release, sealed: str | None = None) -> tuple[Receipt | None, str]:
    """Return a receipt that is confirmed and of this release, else None and why not."""
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
