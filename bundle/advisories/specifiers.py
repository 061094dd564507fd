"""Advisories as specifier sets (PEP 440), the form that other scanners read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.advisories.versions import FIRST, public

if TYPE_CHECKING:
    from bundle.advisories.index import Advisory


def specifiers(advisory: Advisory) -> list[str]:
    """Return specifier sets whose union is exactly the versions that an advisory definitely affects.

    Listed strings that are not versions are omitted.
    """
    listed = {str(version) for version in map(public, advisory.versions) if version is not None}
    return [interval.specifier() for interval in advisory.affected] + [
        f">={FIRST},=={version}" for version in sorted(listed)
    ]
