"""One release in its prefix, with what is known of it: what most of this house works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.layout.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.receipt import Receipt


@dataclass(frozen=True)
class Installation:
    """A release of a prefix and the manifest that it is built from; it may be about to be built.

    ``receipt`` is None where it was not read, or cannot be relied on.
    """

    prefix: Prefix
    release: Release
    manifest: Manifest
    receipt: Receipt | None = None

    @property
    def store(self) -> Store:
        """The prefix's store, which holds what the release is built from."""
        return Store(self.prefix.store)

    @property
    def site_packages(self) -> Path:
        """Where the packages of the release lie."""
        return self.release.site_packages(self.manifest.target.python)


def active(prefix: Prefix) -> Installation | None:
    """Return the active release of a prefix with its manifest, or None when no complete one is active.

    Raises what reading the manifest raises.
    """
    release = prefix.active()
    return None if release is None else Installation(prefix, release, release.manifest())
