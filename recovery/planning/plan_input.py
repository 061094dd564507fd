"""The input of a plan: what was inspected, and what may be used for the repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bundle.opening import Bundle
    from recovery.inspection.inspection import Inspection


@dataclass(frozen=True)
class PlanInput:
    """The input of a plan: an inspection, an admitted bundle or None, and whether an unsigned set is allowed."""

    inspection: Inspection
    bundle: Bundle | None = None
    allow_unlocked: bool = False

    @property
    def has_what_is_lost(self) -> bool:
        """Whether the bundle is the one that the release was built from, and contains all files that are lost."""
        proof, bundle = self.inspection.proof, self.bundle
        return (
            proof is not None
            and bundle is not None
            and bundle.manifest_sha256 == proof.manifest_sha256
            and bundle.left_out.isdisjoint(self.inspection.lost)  # a delta does not contain everything
        )
