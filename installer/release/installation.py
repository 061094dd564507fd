"""One release in its prefix with its manifest and receipt, which most of the installer works on."""

from __future__ import annotations

import os
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
    """A release of a prefix and the manifest that it is built from; the release may not exist yet.

    ``receipt`` is None if it was not read or is not reliable.
    """

    prefix: Prefix
    release: Release
    manifest: Manifest
    receipt: Receipt | None = None

    @property
    def store(self) -> Store:
        """The prefix's store, which holds the files that the release is built from."""
        return Store(self.prefix.store)

    @property
    def site_packages(self) -> Path:
        """The folder of the release's packages."""
        return self.release.site_packages(self.manifest.target.python)

    @property
    def winners(self) -> dict[str, str]:
        """The paths of the files that several packages install, and the package whose file is installed."""
        venv = str(self.release.venv)
        return {os.path.join(venv, *one.path.split("/")): one.winner for one in self.manifest.conflicts}


def active(prefix: Prefix) -> Installation | None:
    """Return the active release of a prefix with its manifest, or None if no complete release is active.

    Raises OSError if the manifest cannot be read, TrustError if it is invalid.
    """
    release = prefix.active()
    return None if release is None else Installation(prefix, release, release.manifest())
