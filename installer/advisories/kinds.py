"""The kinds of signed files about advisories, and the verification of their signatures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from bundle.advisories import exceptions as exempt
from bundle.advisories import snapshot as form
from bundle.signing.policy import NAMESPACES, judge
from bundle.signing.signature import SIGNATURES_LIMIT, verify
from installer.trust.authority import authority, prefix_policy
from shared import reading
from shared.errors import TrustError
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
    """A stored file: its parsed content, its SHA-256, and whether it was installed by an update.

    ``signed`` has the bytes and signatures of an update.
    """

    value: T
    sha256: str
    updated: bool
    signed: Signed | None = None


def names_of(folder: Path, start: str) -> list[str]:
    """Return the sorted names of signatures in a folder that begin with ``start``, at most one more than allowed."""
    found = sorted(name for name in os.listdir(folder) if name.startswith(start) and name.endswith(".sig"))
    return found[: SIGNATURES_LIMIT + 1]


def read_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of an update or a release. Raises OSError if it is not regular or too long."""
    return reading.read(path, limit)


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
