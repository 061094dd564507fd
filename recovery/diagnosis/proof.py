"""The signed manifest that a release was made from, proven again from the copies on this host.

A receipt says which manifest and signers it were. When it is lost, the host's policy must accept
the signers, as it did when the bundle came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import digest
from bundle.manifest import MANIFEST_LIMIT, NAME, Manifest, parse_manifest
from bundle.opening import SUMS
from bundle.signing.policy import RELEASE_NAMESPACE, judge
from bundle.signing.signature import SIGNATURE_LIMIT, SIGNATURES_LIMIT, PublicKey, verify
from installer.layout import proofs
from installer.release.receipt import read_receipt
from shared import reading
from shared.errors import RagtraceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.receipt import Receipt


@dataclass(frozen=True)
class Proof:
    """A manifest with the checksums and signatures that vouch for it, and who signed."""

    manifest: Manifest
    manifest_bytes: bytes
    sums: bytes
    signatures: dict[str, bytes]
    signers: tuple[PublicKey, ...]

    @property
    def manifest_sha256(self) -> str:
        return digest.sha256_bytes(self.manifest_bytes)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(key.fingerprint for key in self.signers)

    @property
    def metadata(self) -> dict[str, bytes]:
        """The files by name."""
        return {NAME: self.manifest_bytes, SUMS: self.sums, **self.signatures}

    def write(self, folder: Path) -> None:
        """Put the copies into a new folder."""
        folder.mkdir(parents=True)
        for name, data in self.metadata.items():
            (folder / name).write_bytes(data)


def find_proof(prefix: Prefix, release: Release, receipt: Receipt | None, policy: Policy | None) -> Proof | None:
    """Return the proven manifest of a release, or None when no copy on this host proves it.

    The release's own copy comes first, then the second one, then those of other releases made from the same bundle.
    """
    for folder in _places(prefix, release):
        try:
            proof = _read_proof(folder)
        except (RagtraceError, OSError):
            continue
        if proof.manifest_sha256.startswith(release.order[1]) and _is_accepted(proof, receipt, policy):
            return proof
    return None


def unkept(prefix: Prefix, own: Proof) -> list[Proof]:
    """Return the proven metadata of other kept releases whose second copies are not the same."""
    found = []
    for release in prefix.complete_releases():
        if own.manifest_sha256.startswith(release.order[1]):
            continue
        try:
            proof = find_proof(prefix, release, read_receipt(release), None)
            if proof and proofs.read(proofs.place(prefix, proof.manifest_sha256)) != proof.metadata:
                found.append(proof)
        except (RagtraceError, OSError):
            continue  # a damaged former release is told by validate --full, and made anew by a rollback
    return found


def _places(prefix: Prefix, release: Release) -> Iterator[Path]:
    yield release.bundle
    yield from sorted(proofs.folder(prefix).glob(f"{release.order[1]}*"))
    for other in reversed(prefix.complete_releases()):
        if other.id != release.id and other.order[:2] == release.order[:2]:
            yield other.bundle


def _is_accepted(proof: Proof, receipt: Receipt | None, policy: Policy | None) -> bool:
    if receipt is not None:
        return receipt.manifest_sha256 == proof.manifest_sha256 and set(receipt.signers) == set(proof.fingerprints)
    if policy is None:
        return False
    try:
        # a key that has expired since does not keep a host from being repaired
        judge(policy, "release", proof.signers, None)
    except RagtraceError:
        return False
    return True


def _read_proof(folder: Path) -> Proof:
    """Read the copies in a folder: every signature holds, and the checksums name the manifest."""
    manifest_bytes = reading.read(folder / NAME, MANIFEST_LIMIT)
    sums = reading.read(folder / SUMS, digest.SUMS_LIMIT)
    paths = sorted(folder.glob(f"{SUMS}.*.sig"))[:SIGNATURES_LIMIT]
    signatures = {path.name: reading.read(path, SIGNATURE_LIMIT) for path in paths}
    signers = tuple(verify(data, sums, RELEASE_NAMESPACE, name=name) for name, data in signatures.items())
    if not signers or digest.read_sums(sums, SUMS).get(NAME) != digest.sha256_bytes(manifest_bytes):
        raise OSError(0, "not the signed copy", str(folder))
    return Proof(parse_manifest(manifest_bytes), manifest_bytes, sums, signatures, signers)
