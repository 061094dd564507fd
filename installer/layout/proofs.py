"""The signed metadata of releases, which proves their origin, and second copies of it.

The copies are in ``state/proofs/<SHA-256 of the manifest>/``, so that the repair of a damaged release still has its
signed manifest. A copy proves nothing by itself: its signatures must be verified again after it is read, which makes a
``Proof`` of it (recovery/inspection/proof.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.digest import read_sums, sha256_bytes
from bundle.manifest import MANIFEST_LIMIT, NAME
from bundle.opening import SUMS, claimed_signers, is_signature
from bundle.opening import read_sums as read_signed_sums
from shared import reading
from shared.errors import TrustError
from shared.files import aside, files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bundle.opening import Bundle
    from bundle.signing.signature import PublicKey
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release


@dataclass(frozen=True)
class SignedMetadata:
    """A manifest, the checksums that list it, and the signatures over the checksums by file name; all as bytes."""

    manifest: bytes
    sums: bytes
    signatures: dict[str, bytes]

    @property
    def manifest_sha256(self) -> str:
        return sha256_bytes(self.manifest)

    @property
    def names_its_manifest(self) -> bool:
        return read_sums(self.sums, SUMS).get(NAME) == self.manifest_sha256

    def claimed_signers(self) -> tuple[PublicKey, ...]:
        """Verify all signatures and return their keys; whether a key is trusted is not checked."""
        return tuple(claimed_signers(self.sums, self.signatures))

    def write(self, folder: Path) -> None:
        """Write all files of the metadata into a folder."""
        for name, data in {NAME: self.manifest, SUMS: self.sums, **self.signatures}.items():
            (folder / name).write_bytes(data)


def metadata_of(bundle: Bundle) -> SignedMetadata:
    """Return the signed metadata of an opened bundle."""
    return SignedMetadata(bundle.manifest_bytes, bundle.sums, bundle.signatures)


def read_metadata(folder: Path) -> SignedMetadata:
    """Return the metadata in the folder of a release or of a second copy; there may be no signatures.

    The file names and limits are those of a bundle. Raises OSError if a file cannot be read or exceeds its limit,
    TrustError if there are too many signatures.
    """
    return SignedMetadata(reading.read(folder / NAME, MANIFEST_LIMIT), *read_signed_sums(folder, reading.read))


def is_metadata(name: str) -> bool:
    """Return whether a name, relative to the manifest's folder, is that of a file of the signed metadata."""
    return name in (NAME, SUMS) or (is_signature(name) and "/" not in name)


def folder(prefix: Prefix) -> Path:
    """Return the folder of all second copies."""
    return prefix.state / "proofs"


def place(prefix: Prefix, manifest_sha256: str) -> Path:
    """Return the folder of a manifest's second copy."""
    return folder(prefix) / manifest_sha256


def copies_of(prefix: Prefix, release: Release) -> list[Path]:
    """Return the folders of the second copies that may be a release's: those whose digest its name starts."""
    return sorted(folder(prefix).glob(f"{release.digest_start}*"))


def holds(prefix: Prefix, metadata: SignedMetadata) -> bool:
    """Return whether an identical second copy of this metadata exists."""
    target = place(prefix, metadata.manifest_sha256)
    try:
        return not target.is_symlink() and read_metadata(target) == metadata
    except (OSError, TrustError):
        return False


def are_twice(prefix: Prefix, release: Release) -> bool:
    """Return whether a release's metadata has an identical second copy; True if it is unsigned.

    Also True if the release's own metadata is damaged, which another check reports.
    """
    try:
        own = read_metadata(release.bundle)
    except (OSError, TrustError):
        return True
    return holds(prefix, own) or not own.signatures


def keep(prefix: Prefix, metadata: SignedMetadata) -> None:
    """Write the second copy of this metadata unless it exists; the caller must sync it to the disk."""
    if holds(prefix, metadata):
        return
    target, beside = place(prefix, metadata.manifest_sha256), prefix.state / f".proof.{os.getpid()}.tmp"
    files.remove_tree(beside)
    beside.mkdir(parents=True, mode=0o700)
    metadata.write(beside)
    aside.clear(target.parent, folder=True)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    files.remove_tree(target)
    files.replace(beside, target)


def collect(prefix: Prefix, kept: Iterable[Release]) -> None:
    """Remove the second copies that belong to no retained release."""
    copies = folder(prefix)
    wanted = tuple(release.digest_start for release in kept)
    for path in list(copies.iterdir()) if copies.is_dir() else ():
        if not path.name.startswith(wanted):
            files.remove_tree(path)
