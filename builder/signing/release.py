"""A finished release: its signers, and adding a signature without changing a signed byte."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.signing.sign import signature_of
from bundle import digest, opening
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, SUMS
from bundle.reading.delta import BASE
from bundle.signing.policy import RELEASE_NAMESPACE, pins
from bundle.signing.policy_files import pinned_policy
from shared.errors import BuildError, UsageError
from shared.files import outputs
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from builder.signing.sign import Signer
    from bundle.manifest import Manifest
    from bundle.signing.policy import Policy
    from bundle.signing.signature import PublicKey


@dataclass(frozen=True)
class Release:
    """A bundle folder: its manifest, its signed sums, its signers, and the policy that its zipapp pins.

    ``advisories`` is the number of live advisories in its snapshot, or None if it is not known.
    """

    folder: Path
    manifest: Manifest
    sums: bytes
    signers: tuple[PublicKey, ...]
    pinned: Policy | None
    advisories: int | None = None

    @property
    def zipapp_sha256(self) -> str:
        entry = self.manifest.entry(INSTALLER_MEMBER)
        assert entry is not None  # checked when the bundle was opened
        return entry.sha256

    @property
    def is_complete(self) -> bool:
        """Whether enough of the pinned keys have signed to meet the zipapp's threshold."""
        if self.pinned is None:
            return True
        role = self.pinned.roles["release"]
        return len({key.keyid for key in self.signers} & set(role.keyids)) >= role.threshold


def read_release(folder: Path) -> Release:
    """Return a finished release after verifying all signatures, and every file against the signed sums.

    Raises UsageError or TrustError if it cannot be opened, BuildError if a file differs from its signed digest.
    """
    place, sums, signatures = opening.read_signed(folder)
    signers = opening.claimed_signers(sums, signatures)
    bundle = opening.open_bundle(folder, pins(signers))
    for name, wanted in digest.read_sums(sums, SUMS).items():
        path = place / name
        if not path.is_file() or digest.sha256_file(path)[0] != wanted:
            raise BuildError(
                _("{path} differs from the signed digest.").format(path=path),
                advice=_("Build the release again; nothing was signed."),
            )
    installer = place / INSTALLER
    pinned = pinned_policy(installer) if installer.is_file() else None  # a delta bundle may omit it
    return Release(place, bundle.manifest, sums, tuple(signers), pinned)


def add_signature(release: Release, signer: Signer) -> Release:
    """Add a signer's signature next to the others and return the release, read again.

    Raises UsageError if that key has already signed, or a delta bundle has no installer that defines the signers.
    """
    if release.pinned is None and (release.folder / BASE).is_file():
        raise UsageError(
            _("{path}: this delta bundle omits the installer, which defines who must sign.").format(
                path=release.folder
            ),
            advice=_("Build the delta bundle with all keys at once: repeat --sign-key."),
        )
    path = signature_of(release.folder / SUMS, signer.key)
    if os.path.lexists(path):
        raise UsageError(
            _("{path} already exists: this key has already signed.").format(path=path),
            advice=_("Sign with another key."),
        )
    outputs.write(path, signer.sign(release.sums, RELEASE_NAMESPACE), mode=0o644)
    return read_release(release.folder)
