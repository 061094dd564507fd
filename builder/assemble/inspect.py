"""Whose signatures a bundle has, before anybody judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle import opening

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.signing.signature import PublicKey


def claimed_signers(path: Path) -> list[PublicKey]:
    """Return the keys whose signatures hold, whoever they belong to."""
    _folder, sums, signatures = opening.read_signed(path)
    return opening.claimed_signers(sums, signatures)
