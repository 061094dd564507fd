"""Advisories as specifier sets (PEP 440), which is how other scanners take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.advisories.versions import FIRST, public

if TYPE_CHECKING:
    from bundle.advisories.index import Advisory


def specifiers(advisory: Advisory) -> list[str]:
    """Return specifier sets, any of which holds exactly the versions that an advisory surely hits.

    Listed texts that are no versions have none.
    """
    listed = {str(version) for version in map(public, advisory.versions) if version is not None}
    return [interval.specifier() for interval in advisory.affected] + [
        f">={FIRST},=={version}" for version in sorted(listed)
    ]
