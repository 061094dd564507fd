"""Signing snapshots and exceptions files, and adding exceptions to a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, TypeVar

from builder.signing.sign import signature_of
from bundle.advisories import exceptions as exempt
from bundle.advisories import snapshot as form
from bundle.advisories.exceptions import Exceptions
from bundle.signing.policy import NAMESPACES
from shared import troubles
from shared.errors import TrustError, UsageError
from shared.files import outputs
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from builder.signing.sign import Signer

T = TypeVar("T")
SNAPSHOT_ROLE, EXCEPTIONS_ROLE = "advisories", "exceptions"


def read_file(path: Path, limit: int) -> bytes:
    """Return a file's bytes. Raises UsageError if it cannot be read or is larger than ``limit`` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        wanted = _("Specify a file that the builder's command advisories created.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    if len(data) > limit:
        raise UsageError(_("{path} is larger than {limit} bytes.").format(path=path, limit=limit))
    return data


def role_of(data: bytes) -> str:
    """Return the signing role for a file: snapshots (zip) or exceptions. Raises TrustError if it is neither."""
    if data.startswith(b"PK"):
        form.read_snapshot(data)
        return SNAPSHOT_ROLE
    exempt.read_exceptions(data)
    return EXCEPTIONS_ROLE


def sign_file(path: Path, signer: Signer) -> Path:
    """Write a signature for a snapshot or an exceptions file and return its path."""
    data = read_file(path, form.SNAPSHOT_LIMIT)
    signature = signature_of(path, signer.key)
    outputs.write(signature, signer.sign(data, NAMESPACES[role_of(data)]), mode=0o644)
    return signature


def add_exceptions(path: Path, added: Exceptions) -> Exceptions:
    """Add exceptions and reasons to a file, all or none; create it if missing, and remove its now invalid signatures.

    An exception replaces a previous one for the same advisory, package and versions, a removal one for the same
    advisory and package, and an acceptance one for the same snapshot. The sequence number of ``added`` is the new one
    if it is higher than the previous one; otherwise the previous one is incremented.
    """
    previous = exempt.NONE
    if os.path.lexists(path):
        previous = exempt.read_exceptions(read_file(path, exempt.EXCEPTIONS_LIMIT))
    changed = Exceptions(
        max(added.sequence, previous.sequence + 1),
        _joined(previous.exceptions, added.exceptions, lambda one: (one.id, one.package, one.versions)),
        _joined(previous.removals, added.removals, lambda one: (one.id, one.package)),
        _joined(previous.snapshots, added.snapshots, lambda one: one.sha256),
    )
    try:
        data = exempt.read_exceptions(changed.to_bytes()).to_bytes()
    except TrustError as error:
        raise UsageError(error.what, advice=_("Correct the values, then try again.")) from error
    for old in path.parent.glob(f"{path.name}.*.sig"):
        old.unlink()
    outputs.write(path, data, mode=0o644)
    return changed


def _joined(previous: tuple[T, ...], added: tuple[T, ...], key: Callable[[T], object]) -> tuple[T, ...]:
    replaced = {key(one) for one in added}
    return (*(one for one in previous if key(one) not in replaced), *added)
