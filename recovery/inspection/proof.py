"""The signed manifest that a release was built from, verified again from the copies on this host.

A receipt records the manifest's digest and the signers. If the receipt is lost, the host's policy must accept the
signers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.manifest import Manifest, parse_manifest
from bundle.signing.policy import RELEASE, judge
from installer.layout import proofs
from installer.release.receipt import read_receipt
from shared.errors import RagtraceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.signing.policy import Policy
    from bundle.signing.signature import PublicKey
    from installer.layout.prefix import Prefix
    from installer.layout.proofs import SignedMetadata
    from installer.layout.release import Release
    from installer.release.receipt import Receipt


@dataclass(frozen=True)
class Proof:
    """A manifest with the checksums and signatures that authenticate it, and its signers."""

    manifest: Manifest
    metadata: SignedMetadata
    signers: tuple[PublicKey, ...]

    @property
    def manifest_sha256(self) -> str:
        return self.metadata.manifest_sha256

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(key.fingerprint for key in self.signers)

    def write(self, folder: Path) -> None:
        """Write the signed metadata into a new folder."""
        folder.mkdir(parents=True)
        self.metadata.write(folder)


def find_proof(prefix: Prefix, release: Release, receipt: Receipt | None, policy: Policy | None) -> Proof | None:
    """Return the proven manifest of a release, or None if no copy on this host proves it.

    The release's own copy is tried first, then the second one, then those of other releases from the same bundle.
    """
    for folder in _places(prefix, release):
        try:
            proof = _read_proof(folder)
        except (RagtraceError, OSError):
            continue
        if release.has_digest(proof.manifest_sha256) and _is_accepted(proof, receipt, policy):
            return proof
    return None


def unkept(prefix: Prefix, own: Proof) -> list[Proof]:
    """Return the proofs of other retained releases whose second copies are missing or differ."""
    found = []
    for release in prefix.complete_releases():
        if release.has_digest(own.manifest_sha256):
            continue
        try:
            proof = find_proof(prefix, release, read_receipt(release), None)
            if proof and not proofs.holds(prefix, proof.metadata):
                found.append(proof)
        except (RagtraceError, OSError):
            continue  # a damaged previous release is reported by validate --full, and rebuilt by a rollback
    return found


def _places(prefix: Prefix, release: Release) -> Iterator[Path]:
    yield release.bundle
    yield from proofs.copies_of(prefix, release)
    for other in reversed(prefix.complete_releases()):
        if other.id != release.id and other.version_key == release.version_key:
            yield other.bundle


def _is_accepted(proof: Proof, receipt: Receipt | None, policy: Policy | None) -> bool:
    if receipt is not None:
        return receipt.manifest_sha256 == proof.manifest_sha256 and set(receipt.signers) == set(proof.fingerprints)
    if policy is None:
        return False
    try:
        # a key that has expired since does not prevent a repair
        judge(policy, RELEASE, proof.signers, None)
    except RagtraceError:
        return False
    return True


def _read_proof(folder: Path) -> Proof:
    """Read the proof in a folder.

    Raises TrustError if a signature or the manifest is invalid, OSError if there is no signature or the checksums do
    not match the manifest.
    """
    metadata = proofs.read_metadata(folder)
    signers = metadata.claimed_signers()
    if not signers or not metadata.names_its_manifest:
        raise OSError(0, "not the signed copy", str(folder))
    return Proof(parse_manifest(metadata.manifest), metadata, signers)
