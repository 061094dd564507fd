"""The evidence about a release: its receipt, its signed manifest, and the files that differ from them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.logs import audit_log
from installer.release import receipt as receipts
from installer.release import signed
from installer.release.installation import Installation
from installer.release.sealing import intact
from recovery.inspection import store_faults
from recovery.inspection.finding import Finding
from recovery.inspection.prefix_faults import is_in
from recovery.inspection.proof import Proof, find_proof
from recovery.inspection.release_faults import KIND_OF_AREA
from shared.i18n import _
from validator.finding_kinds import MANIFEST, RECEIPT, SEAL

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Callable

    from bundle.manifest import FileEntry, Manifest
    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.digests import Digests
    from installer.release.receipt import Deviation, Receipt
    from installer.release.signed import Comparison


@dataclass
class Evidence:
    """The evidence by which a release is evaluated.

    Before ``gather``, everything from ``receipt`` on is empty; after it, ``receipt`` and ``proof`` are None if they are
    not reliable. ``deviations`` lists the differences from the receipt, and ``lacking`` lists the files of the proven
    manifest that are missing or damaged in the store.

    Unless ``reads_store`` is set, wheels that the repair does not use may be compared by size only (docs/adr/0034);
    ``unread`` counts them.
    """

    prefix: Prefix
    release: Release
    policy: Policy | None
    digests: Digests
    reads_store: bool
    receipt: Receipt | None = None
    proof: Proof | None = None
    deviations: tuple[Deviation, ...] = ()
    lacking: tuple[FileEntry, ...] = ()
    unread: int = 0

    @property
    def installation(self) -> Installation | None:
        """The release with its proven manifest, or None if no manifest is proven."""
        return Installation(self.prefix, self.release, self.proof.manifest, self.receipt) if self.proof else None

    def gather(self, closed: Callable[[], tuple[str, ...]]) -> list[Finding]:
        """Collect the evidence, and return the findings about the receipt and the proof themselves.

        1. Read the receipt, and find the proven manifest.
        2. Compare the release with the receipt. ``closed`` returns unreadable paths; they are left out here, and
           compared in another inspection once their permissions are repaired.
        3. If the receipt matches files that differ from the signed ones, discard it, and find the proof without it.
        4. Compare the store with the proven manifest, as far as the repair uses it.
        """
        prefix, release = self.prefix, self.release
        # 1.
        self.receipt, findings = _receipt(prefix, release)
        self.proof = find_proof(prefix, release, self.receipt, self.policy)
        # 2.
        altered = self._compare(closed)
        # 3.
        if altered:
            details = _("the receipt lists files that differ from the signed ones")
            findings.append(Finding(RECEIPT, release.id, details, altered))
            self.receipt, self.deviations = None, ()
            self.proof = find_proof(prefix, release, None, self.policy)
        # 4.
        if self.proof is not None:
            self._check_store(self.proof.manifest)
        else:
            details = _("this host has no trusted manifest that proves what the release was built from")
            findings.append(Finding(MANIFEST, release.id, details))
        return findings

    def _compare(self, closed: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """Set ``deviations``; return the paths of the files that match the receipt but not the signed manifest."""
        receipt, release = self.receipt, self.release
        if self.proof is not None:
            self.digests.bound_by(self.proof.manifest)
        if receipt is None:
            return ()
        proven = self.installation if receipt.locked else None
        # while large files are hashed, one thread has time for what the wheels list
        with ThreadPoolExecutor(1) as aside:
            hash_of: record.Hash = self.digests if self.reads_store else _name
            listed = aside.submit(signed.expected_contents, proven, hash_of) if proven else None
            found = dict(receipts.contents(release.path, self.digests))
        deviations, left_out = receipts.against(found, receipt), closed()
        self.deviations = tuple(item for item in deviations if not is_in(str(release.path / item.path), left_out))
        if proven is None or listed is None:
            return ()
        return self._vouched_for_falsely(signed.compare(proven, self.digests, found, listed.result()), found)

    def _vouched_for_falsely(self, compared: Comparison, found: dict[str, str]) -> tuple[str, ...]:
        """Return the paths that a comparison adds to ``deviations``.

        What a wheel lists is evidence only if the wheel has its signed digest, so if the wheels were not read, they are
        read now.
        """
        known = {deviation.path for deviation in self.deviations}
        altered = tuple(deviation.path for deviation in compared.deviations if deviation.path not in known)
        if not altered or self.reads_store or self.installation is None:
            return altered
        self.reads_store = True
        return self._vouched_for_falsely(signed.compare(self.installation, self.digests, found), found)

    def _check_store(self, manifest: Manifest) -> None:
        """Set ``lacking`` and ``unread``.

        If the release is rebuilt in part and the store has all wheels for that, the other wheels are not read.
        """
        damaged = damaged_packages(self.deviations)
        used = {package.wheel for package in manifest.packages if record.normalised(package.name) in damaged}
        unused = [entry for entry in manifest.of_kind("wheel") if entry.path not in used]
        is_partial = self.receipt is not None and self.receipt.locked and bool(self.deviations)
        if is_partial and not self.reads_store:
            self.lacking = store_faults.find_lacking(self.prefix, manifest, self.digests, unread=unused)
            if not self.lacking:
                self.unread = len(unused)
                return
        self.lacking = store_faults.find_lacking(self.prefix, manifest, self.digests)


def damaged_packages(deviations: tuple[Deviation, ...]) -> frozenset[str]:
    """Return the packages that must be reinstalled.

    Missing or altered bytecode alone is not a reason to reinstall: it is left out and written again later.
    """
    return frozenset(
        record.normalised(deviation.owner)
        for deviation in deviations
        if deviation.owner not in KIND_OF_AREA and not deviation.path.endswith(".pyc")
    )


def _name(path: Path | str) -> str:
    """Return the digest that a stored file is named after."""
    return os.path.basename(path)


def _receipt(prefix: Prefix, release: Release) -> tuple[Receipt | None, list[Finding]]:
    """Return a release's receipt, or None, and the findings about it.

    The receipt is confirmed if its digest is the one in the completion mark and the audit log has no other, or if it is
    the one in the audit log.
    """
    receipt, reason = intact.confirmed(prefix, release)
    if receipt is not None:
        return receipt, []
    logged = audit_log.receipt_of(prefix, release.id)
    if logged is not None:
        receipt, _reason = intact.confirmed(prefix, release, logged)
        if receipt is not None:
            details = _("{release} has no valid completion mark").format(release=release.id)
            return receipt, [Finding(SEAL, release.id, details, (release.complete_file.name,))]
    return None, [Finding(RECEIPT, release.id, reason, (release.receipt_file.name, release.complete_file.name))]
