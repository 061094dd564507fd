"""The snapshot and the exceptions that are in force.

A release has the files that its manifest lists; ``advisories update`` writes newer ones, whose signatures are verified
at every use, to PREFIX/state/advisories. The file with the higher sequence number is in force.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from bundle import digest
from bundle.advisories import exceptions as exempt
from bundle.advisories import snapshot as form
from bundle.manifest import KINDS
from bundle.signing.policy import NAMESPACES, judge
from bundle.signing.signature import SIGNATURE_LIMIT, SIGNATURES_LIMIT, verify
from installer.advisories import sequences
from installer.release import tools_environment
from installer.release.installation import Installation
from installer.trust.authority import authority, prefix_policy
from shared import reading, troubles
from shared.errors import RagtraceError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from bundle.signing.policy import Policy
    from bundle.signing.signature import PublicKey
    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores

T = TypeVar("T")
FOLDER = "advisories"  # in PREFIX/state, and in the bundle's verification folder
DIGITS = 12  # of a file's SHA-256, in the names of its signatures


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of signed file: the role that signs it, its name and size limit in bytes, and functions on its content.

    ``read`` parses it; ``sequence`` and ``times`` return its sequence number and the times that it is dated with.
    """

    role: str
    name: str
    limit: int
    read: Callable[[bytes], T]
    sequence: Callable[[T], int]
    times: Callable[[T], tuple[datetime, ...]]


@dataclass(frozen=True)
class Signed:
    """The bytes of a file, and its signatures by their file names."""

    data: bytes
    signatures: dict[str, bytes]


SNAPSHOTS: Kind[Any] = Kind(
    "advisories",
    form.NAME,
    form.SNAPSHOT_LIMIT,
    form.read_snapshot,
    lambda found: found.header.sequence,
    lambda found: (found.header.made, found.header.known_until),
)
EXCEPTIONS: Kind[Any] = Kind(
    "exceptions",
    exempt.NAME,
    exempt.EXCEPTIONS_LIMIT,
    exempt.read_exceptions,
    lambda found: found.sequence,
    lambda found: found.times(),
)


@dataclass(frozen=True)
class Stored(Generic[T]):
    """A stored file: its parsed content, its SHA-256, and whether it was installed by an update."""

    value: T
    sha256: str
    updated: bool


def in_force(kind: Kind[T], installation: Installation, trust_stores: TrustStores) -> Stored[T] | None:
    """Return the newest of the release's file and the updated one, or None if neither exists.

    An update is verified against the policies of this host and of the prefix. If both are older than a file that this
    host accepted, those of the other releases in the prefix count too. Raises TrustError if a file differs from what
    was signed, or if the newest is still older: such a file is never skipped silently.
    """
    found = available(kind, installation, trust_stores)
    highest = sequences.highest(kind.role, installation, trust_stores) if found else 0
    if found and kind.sequence(found[-1].value) < highest:
        found = sorted([*found, *of_other_releases(kind, installation)], key=lambda one: kind.sequence(one.value))
    if found and kind.sequence(found[-1].value) < highest:
        raise TrustError(
            _("{name} has sequence number {sequence}, but this host has accepted {highest}.").format(
                name=kind.name, sequence=kind.sequence(found[-1].value), highest=highest
            ),
            advice=_("Transfer the signed file with that number or a newer one and run `advisories update FILE`."),
        )
    return found[-1] if found else None


def available(kind: Kind[T], installation: Installation, trust_stores: TrustStores) -> list[Stored[T]]:
    """Return the release's file and the updated one, where they exist, the newest last.

    Raises TrustError if one differs from what was signed.
    """
    added, updated = of_release(kind, installation), of_update(kind, installation.prefix, trust_stores)
    # of two equal ones, the release's counts
    return sorted((one for one in (updated, added) if one is not None), key=lambda one: kind.sequence(one.value))


def of_other_releases(kind: Kind[T], installation: Installation) -> Iterator[Stored[T]]:
    """Yield the intact files of the other releases in the prefix: after a rollback, the newest may be among them."""
    for release in installation.prefix.complete_releases():
        with contextlib.suppress(RagtraceError, OSError):
            if release != installation.release:
                found = of_release(kind, Installation(installation.prefix, release, release.manifest()))
                if found is not None:
                    yield found


def of_release(kind: Kind[T], installation: Installation) -> Stored[T] | None:
    """Return the release's file, verified against its manifest, or None if the manifest lists none."""
    entry = installation.manifest.entry(f"{KINDS[tools_environment.VERIFICATION]}/{FOLDER}/{kind.name}")
    if entry is None:
        return None
    path = tools_environment.stored_at(installation.release, entry)
    try:
        data = read_file(path, kind.limit)
    except OSError as error:
        raise spoiled(path, troubles.reason(error, troubles.READING, path=path)) from error
    if digest.sha256_bytes(data) != entry.sha256:
        raise spoiled(path, _("it differs from the signed file"))
    return Stored(kind.read(data), entry.sha256, updated=False)


def of_update(kind: Kind[T], prefix: Prefix, trust_stores: TrustStores) -> Stored[T] | None:
    """Return the file that an update installed, or None. Raises TrustError unless enough keys of its role signed it."""
    path = folder_of(prefix) / kind.name
    try:
        os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:  # a file that this user may not inspect is not skipped
        raise spoiled_update(path, troubles.reason(error, troubles.READING, path=path)) from error
    try:
        data = read_file(path, kind.limit)
        sha256 = digest.sha256_bytes(data)
        start = f"{kind.name}.{sha256[:DIGITS]}."
        signatures = {name: read_file(path.with_name(name), SIGNATURE_LIMIT) for name in names_of(path.parent, start)}
    except OSError as error:
        raise spoiled_update(path, troubles.reason(error, troubles.READING, path=path)) from error
    if not signatures:  # their names contain the digest of the bytes that they sign
        raise spoiled_update(path, _("it differs from the signed file"))
    judge_file(kind, Signed(data, signatures), policies(prefix, trust_stores))
    return Stored(kind.read(data), sha256, updated=True)


def of_update_unjudged(kind: Kind[T], prefix: Prefix) -> Stored[T] | None:
    """Return the file that an update installed, whoever signed it, or None if there is none that can be read.

    It only makes the comparison with a later file stricter: a policy may have dropped its signer since.
    """
    try:
        data = read_file(folder_of(prefix) / kind.name, kind.limit)
        return Stored(kind.read(data), digest.sha256_bytes(data), updated=True)
    except (OSError, TrustError):
        return None


def folder_of(prefix: Prefix) -> Path:
    """Return the folder in which updates are stored."""
    return prefix.state / FOLDER


def names_of(folder: Path, start: str) -> list[str]:
    """Return the sorted names of signatures in a folder that begin with ``start``, at most one more than allowed."""
    found = sorted(name for name in os.listdir(folder) if name.startswith(start) and name.endswith(".sig"))
    return found[: SIGNATURES_LIMIT + 1]


def read_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of an update or a release. Raises OSError if it is not regular or too long."""
    return reading.read(path, limit)


def spoiled(path: Path, reason: str) -> TrustError:
    """Return the error for a file of a release that cannot be read or differs from what was signed."""
    return TrustError(
        _("{path}: {reason}.").format(path=path, reason=reason), advice=_("Repair the installation with recover.")
    )


def spoiled_update(path: Path, reason: str) -> TrustError:
    """Return the error for a file that an update installed; recover has no copy of it, but can restore its folder."""
    if not path.parent.is_dir():
        return spoiled(path, reason)
    return TrustError(
        _("{path}: {reason}.").format(path=path, reason=reason),
        advice=_("Transfer the signed file again and run `advisories update FILE`."),
    )


def policies(prefix: Prefix, trust_stores: TrustStores) -> Iterator[Policy]:
    """Yield the policies that signatures are verified against: this host's, and the prefix's own if it has one."""
    found: list[Policy | None] = [authority(trust_stores).policy, prefix_policy(prefix.trust)]
    yield from (policy for policy in found if policy is not None)


def judge_file(
    kind: Kind[Any], signed: Signed, policies: Iterable[Policy], at: datetime | None = None
) -> list[PublicKey]:
    """Return the signers of a file's bytes. Raises TrustError unless each policy accepts enough of them for its role.

    ``policies`` are read only after the signatures themselves have been verified.
    """
    signatures = signed.signatures
    if len(signatures) > SIGNATURES_LIMIT:
        raise TrustError(
            _("{name} has more than {limit} signatures.").format(name=kind.name, limit=SIGNATURES_LIMIT),
            advice=_request(kind),
        )
    if not signatures:
        raise TrustError(
            _("{name} is not signed.").format(name=kind.name),
            advice=_("Transfer the .sig files that were created next to it."),
        )
    try:
        signers = [verify(found, signed.data, NAMESPACES[kind.role], name=name) for name, found in signatures.items()]
    except TrustError as error:
        raise TrustError(*error.sentences, advice=_request(kind)) from error
    for policy in policies:
        _judge(policy, kind, signers, at)
    return signers


def _judge(policy: Policy, kind: Kind[Any], signers: list[PublicKey], at: datetime | None) -> None:
    try:
        judge(policy, kind.role, signers, at)
    except TrustError as error:
        # without a key of the role, another file would not help
        advice = _request(kind) if policy.of_role(kind.role) else error.advice
        raise TrustError(*error.sentences, advice=advice) from error


def _request(kind: Kind[Any]) -> str:
    """Return the advice for a file whose signatures are not accepted."""
    if kind.role == SNAPSHOTS.role:
        return _(
            "Do not use this snapshot; request it again, with its signatures, from whoever signs advisories for this "
            "host, and compare fingerprints out of band."
        )
    return _(
        "Do not use this exceptions file; request it again, with its signatures, from whoever approves exceptions for "
        "this host, and compare fingerprints out of band."
    )
