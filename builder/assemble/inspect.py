"""The signers of a bundle, before any of their keys is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle import opening

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.signing.signature import PublicKey


def claimed_signers(path: Path) -> list[PublicKey]:
    """Return the keys whose signatures are valid, trusted or not."""
    _folder, sums, signatures = opening.read_signed(path)
    return opening.claimed_signers(sums, signatures)
