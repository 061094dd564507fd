"""A finished release: who has signed it, and one more signature without changing a signed byte."""

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
    """A folder that travels: its manifest, signed sums, the keys that signed, and those that its zipapp pins."""

    folder: Path
    manifest: Manifest
    sums: bytes
    signers: tuple[PublicKey, ...]
    pinned: Policy | None

    @property
    def zipapp_sha256(self) -> str:
        entry = self.manifest.entry(INSTALLER_MEMBER)
        assert entry is not None  # opening it made sure
        return entry.sha256

    @property
    def is_complete(self) -> bool:
        """Whether as many pinned keys have signed as its zipapp requires."""
        if self.pinned is None:
            return True
        role = self.pinned.roles["release"]
        return len({key.keyid for key in self.signers} & set(role.keyids)) >= role.threshold


def read_release(folder: Path) -> Release:
    """Return a finished release once every file in it is what its sums say and every signature holds.

    Raises UsageError or TrustError from opening it, BuildError for a file that is not what was signed.
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
    pinned = pinned_policy(installer) if installer.is_file() else None  # a delta may leave it out
    return Release(place, bundle.manifest, sums, tuple(signers), pinned)


def add_signature(release: Release, signer: Signer) -> Release:
    """Add one signer's signature beside the others.

    Raises UsageError when that key has signed already, or nothing here says who must sign.
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
