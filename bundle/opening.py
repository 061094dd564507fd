"""Opening a bundle: the signatures first, then the manifest; only this module creates a Bundle.

The signers of a Bundle are therefore verified, and later code does not check them again. Its files are verified
one by one as they are read (bundle/reading/archive.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Callable

from bundle import digest
from bundle.lock import require_lock
from bundle.manifest import MANIFEST_LIMIT, NAME, FileEntry, Manifest, parse_manifest
from bundle.names import BESIDE, INSTALLER
from bundle.product.application import require_names
from bundle.reading import archive, delta, medium
from bundle.signing.policy import RELEASE, RELEASE_NAMESPACE, Policy, Signer, judge
from bundle.signing.signature import SIGNATURE_LIMIT, SIGNATURES_LIMIT, PublicKey, verify
from shared.errors import TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bundle.reading.archive import Take, Volumes

SUMS = "SHA256SUMS"
INSTALLER_MEMBER = f"04_Scripts/{INSTALLER}"
SHOWN = 5  # names of missing volumes in a message


@dataclass(frozen=True)
class Bundle:
    """A bundle whose signers were accepted.

    ``location`` is its archive, the first of the archive's volumes, or its unpacked root folder; ``base``
    is the manifest of the release that a delta bundle needs.
    """

    manifest: Manifest
    manifest_bytes: bytes
    sums: bytes
    signatures: dict[str, bytes]
    signers: tuple[Signer, ...]
    location: Path
    base: Manifest | None = None

    @property
    def manifest_sha256(self) -> str:
        return digest.sha256_bytes(self.manifest_bytes)

    @property
    def is_archive(self) -> bool:
        return self.location.is_file()

    @cached_property
    def left_out(self) -> frozenset[FileEntry]:
        """The files of the manifest that this bundle omits because its base has them; empty for a full bundle."""
        return frozenset(delta.left_out(self.manifest, self.base))

    @property
    def bytes_brought(self) -> int:
        """The total size in bytes of the files in the bundle."""
        return self.manifest.total_bytes - sum(entry.size for entry in self.left_out)

    @property
    def name(self) -> str:
        """The bundle's name in progress messages."""
        return self.manifest.archive if self.is_archive else self.location.name

    @property
    def volumes(self) -> Volumes:
        """The files that hold the archive, in order, with their signed digests; one file if it is not split."""
        digests = digest.read_sums(self.sums, SUMS)
        names = volume_names(digests, self.manifest.archive)
        if names == [self.manifest.archive]:
            return [(self.location, digests[names[0]])]  # the user may have renamed it
        return [(self.location.with_name(name), digests[name]) for name in names]

    def visit(self, take: Take, advance: Callable[[int], None]) -> None:
        """Pass every file to ``take`` with its blocks, verified as they are read; ``advance`` gets each block's size.

        An archive's files come in manifest order, those of a folder several at a time.
        """
        lock = Lock()

        def counted(blocks: Iterator[bytes]) -> Iterator[bytes]:
            for block in blocks:
                with lock:
                    advance(len(block))
                yield block

        def taken(entry: FileEntry, blocks: Iterator[bytes]) -> None:
            take(entry, counted(blocks))

        if not self.is_archive:
            added = (entry for entry in self.manifest.files if entry not in self.left_out)
            archive.visit_folder(self.location, self.manifest_bytes, added, taken)
            return
        read = archive.read_archive(self.volumes, self.manifest, self.manifest_bytes, self.left_out)
        for entry, blocks in read:
            taken(entry, blocks)


def open_bundle(path: Path, policy: Policy, *, at: datetime | None = None) -> Bundle:
    """Return the bundle at a path (its folder, its archive, or its unpacked root) after verifying it.

    1. The signatures over SHA256SUMS are valid, and the policy accepts their signers at time ``at``.
    2. MANIFEST.json has the signed digest and is valid; its pylock.toml lists exactly its packages; no command,
       setting or data folder has a name that this tool or a host already uses.
    3. If the bundle is a delta, the manifest of its base has the signed digest and is valid too.
    4. SHA256SUMS lists the archive of the manifest and no unknown file; an installer next to it, and the files that
       explain the folder, are the signed ones.

    Raises UsageError if the path does not exist, HostError if it cannot be read, TrustError if anything differs from
    what was signed.
    """
    path = Path(os.path.abspath(path))  # the parent of "." would be "."
    folder, sums, signatures = read_signed(path)
    signers = judge(policy, RELEASE, claimed_signers(sums, signatures), at)
    digests = digest.read_sums(sums, SUMS)

    manifest_bytes = _read_manifest(path, folder, digests.get(NAME))
    manifest = parse_manifest(manifest_bytes)
    require_lock(manifest)
    require_names(manifest.application, f"{NAME}.application")

    base = _read_base(folder, manifest, digests[delta.BASE]) if delta.BASE in digests else None
    volumes = volume_names(digests, manifest.archive)
    if not volumes or set(digests) - {INSTALLER, delta.BASE, *BESIDE} != {NAME, *volumes}:
        raise medium.damaged(SUMS, _("it must list the manifest, the archive and the installer, and nothing else"))
    location = _location(path, folder, manifest, volumes)
    bundle = Bundle(manifest, manifest_bytes, sums, signatures, signers, location, base)
    _check_installer(folder, bundle, digests.get(INSTALLER))
    for name in (name for name in BESIDE if name in digests and medium.kind_of(folder / name)):
        _read_listed(folder / name, digests[name])
    return bundle


def read_signed(path: Path) -> tuple[Path, bytes, dict[str, bytes]]:
    """Return the folder of a bundle's SHA256SUMS, that file's bytes, and its signature files, at least one."""
    folder = _folder_of_sums(path)
    try:
        sums, signatures = read_sums(folder, _read)
    except OSError as error:
        raise medium.refused(folder, error) from error
    if not signatures:
        raise TrustError(
            _("{path}: the bundle is not signed.").format(path=folder / SUMS),
            advice=_("Transfer the .sig files that the builder created next to SHA256SUMS."),
        )
    return folder, sums, signatures


def read_sums(folder: Path, read: Callable[[Path, int], bytes]) -> tuple[bytes, dict[str, bytes]]:
    """Return the bytes of SHA256SUMS and the signature files by name; ``read`` gets each file's path and size limit.

    Raises TrustError if there are more than SIGNATURES_LIMIT signatures.
    """
    sums = read(folder / SUMS, digest.SUMS_LIMIT)
    found = sorted(name for name in os.listdir(folder) if is_signature(name))
    if len(found) > SIGNATURES_LIMIT:
        raise medium.damaged(SUMS, _("more than {limit} signatures").format(limit=SIGNATURES_LIMIT))
    return sums, {name: read(folder / name, SIGNATURE_LIMIT) for name in found}


def is_signature(name: str) -> bool:
    """Return whether a file name is that of a signature of SHA256SUMS, by any key."""
    return name.startswith(f"{SUMS}.") and name.endswith(".sig")


def claimed_signers(sums: bytes, signatures: dict[str, bytes]) -> list[PublicKey]:
    """Return the key of each signature, which must be valid and named after its key; trust is checked elsewhere."""
    keys = {name: verify(data, sums, RELEASE_NAMESPACE, name=name) for name, data in signatures.items()}
    for name, key in keys.items():
        if name != f"{SUMS}.{key.keyid}.sig":
            raise medium.damaged(name, _("it is not named after its signing key"))
    return list(keys.values())


def _folder_of_sums(path: Path) -> Path:
    if not medium.kind_of(path):
        raise UsageError(
            _("{path} does not exist.").format(path=path), advice=_("Specify the folder that contains SHA256SUMS.")
        )
    for folder in (path, path.parent) if medium.is_folder(path) else (path.parent,):
        if medium.is_file(folder / SUMS):
            return folder
    raise TrustError(
        _("{path}: SHA256SUMS is missing, so the bundle has no trusted signature.").format(path=path),
        advice=_("Transfer the whole folder that the builder created, not the archive alone."),
    )


def _read(path: Path, limit: int) -> bytes:
    data = bytearray()
    for block in medium.file_blocks(path, path.name):
        data += block
        if len(data) > limit:
            raise medium.damaged(path.name, _("larger than {limit} bytes").format(limit=limit))
    return bytes(data)


def _read_manifest(path: Path, folder: Path, sha256: str | None) -> bytes:
    """Return the signed manifest; every copy, in an unpacked root and in the folder next to it, must match."""
    copies = [place / NAME for place in (path, folder) if medium.is_folder(place) and os.path.lexists(place / NAME)]
    read = [_read_listed(copy, sha256) for copy in copies or [folder / NAME]]
    return read[0]


def _read_base(folder: Path, manifest: Manifest, sha256: str) -> Manifest:
    """Return the signed manifest of the release that a delta bundle needs."""
    base = parse_manifest(_read_listed(folder / delta.BASE, sha256), delta.BASE)
    delta.require_base(manifest, base)
    return base


def _read_listed(path: Path, sha256: str | None) -> bytes:
    """Return the bytes of a manifest, which must have the digest that SHA256SUMS lists."""
    data = _read(path, MANIFEST_LIMIT)
    if digest.sha256_bytes(data) != sha256:
        raise medium.damaged(path.name, _("its SHA-256 does not match the signed one"))
    return data


def _check_installer(folder: Path, bundle: Bundle, sha256: str | None) -> None:
    """Raise TrustError unless the sums, and the installer next to them if any, match the manifest.

    The sums of a delta bundle that omits the installer must not list it.
    """
    member = bundle.manifest.entry(INSTALLER_MEMBER)
    if member is None or sha256 != (None if member in bundle.left_out else member.sha256):
        raise medium.damaged(SUMS, _("its digest of the installer does not match the manifest"))
    beside = folder / INSTALLER
    if medium.kind_of(beside):
        medium.drain(medium.checked_blocks(member, medium.file_blocks(beside, INSTALLER), name=lambda: INSTALLER))


def volume_name(name: str, number: int) -> str:
    """Return the name of an archive's volume, numbered from 1, so that ``cat NAME.*`` joins them in order."""
    return f"{name}.{number:03d}"


def volume_names(digests: dict[str, str], archive_name: str) -> list[str]:
    """Return the names of the files that hold the archive, derived from the names that SHA256SUMS lists."""
    if archive_name in digests:
        return [archive_name]
    count = sum(name.startswith(f"{archive_name}.") for name in digests)
    return [volume_name(archive_name, number) for number in range(1, count + 1)]


def _location(path: Path, folder: Path, manifest: Manifest, volumes: list[str]) -> Path:
    """Return the archive or root to read: the path itself if it is one, else the one in the folder of SHA256SUMS."""
    if _is_root(path, manifest) or (medium.is_file(path) and volumes == [manifest.archive]):
        return path
    missing = [name for name in volumes if not medium.is_file(folder / name)]
    if not missing and (path == folder or path.name in volumes):
        return folder / volumes[0]
    if path == folder and _is_root(folder / manifest.root, manifest):
        return folder / manifest.root
    if volumes != [manifest.archive]:
        raise _incomplete(path, folder, volumes, missing)
    raise TrustError(
        _("{path}: found neither {archive} nor an unpacked bundle.").format(path=path, archive=manifest.archive),
        advice=_("Transfer the archive, or unpack it next to SHA256SUMS."),
    )


def _is_root(path: Path, manifest: Manifest) -> bool:
    """Return whether a path is an unpacked bundle; some folders of a delta bundle may be missing."""
    return any(medium.is_folder(path / top) for top in {entry.path.partition("/")[0] for entry in manifest.files})


def _incomplete(path: Path, folder: Path, volumes: list[str], missing: list[str]) -> TrustError:
    """Return the error for an archive with missing volumes, or for a file that is not one of them."""
    if not missing:
        return TrustError(
            _("{path} is not a volume of this bundle.").format(path=path),
            advice=_("Specify the folder {folder}; its volumes are read in order.").format(folder=folder),
        )
    shown = ", ".join([*missing[:SHOWN], *(["…"] if missing[SHOWN:] else [])])
    return TrustError(
        _("{folder}: of {count} volumes, these are missing: {names}.").format(
            folder=folder, names=shown, count=len(volumes)
        ),
        advice=_(
            "Copy all volumes from the media into that folder, next to SHA256SUMS; if they were joined into "
            "one archive, unpack it there instead."
        ),
    )
