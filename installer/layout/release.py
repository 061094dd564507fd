"""One release of an installation: its name, its files, and the mark that it is complete."""

from __future__ import annotations

import copy
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bundle.manifest import MANIFEST_LIMIT, Manifest, parse_manifest
from bundle.manifest import NAME as MANIFEST_NAME
from shared import reading

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.opening import Bundle

COMPLETE = "COMPLETE"
DISCARDED = "DISCARDED"  # what COMPLETE is renamed to: the running application holds a lock on this file
_RELEASE = re.compile(r"([0-9]+)-([0-9a-f]{12})-r([0-9]+)")


@dataclass(frozen=True)
class Release:
    """One immutable installed tree, ``releases/<counter>-<first 12 digits of the manifest's SHA-256>-r<N>``."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def order(self) -> tuple[int, str, int]:
        """The key that sorts releases from old to new: counter, start of the manifest's digest, number of the build."""
        matched = _RELEASE.fullmatch(self.id)
        assert matched is not None
        return int(matched[1]), matched[2], int(matched[3])

    @property
    def counter(self) -> int:
        """The release counter of the version, from the name."""
        return self.order[0]

    @property
    def digest_start(self) -> str:
        """The first 12 digits of the manifest's SHA-256, from the name."""
        return self.order[1]

    @property
    def version_key(self) -> tuple[int, str]:
        """The identity of the version, which repairs and repeated installations of one manifest share."""
        return self.counter, self.digest_start

    def is_of(self, bundle: Bundle) -> bool:
        """Return whether the release has the version of a bundle, by its name."""
        return self.counter == bundle.manifest.product.counter and self.has_digest(bundle.manifest_sha256)

    def has_digest(self, manifest_sha256: str) -> bool:
        """Return whether the digest of a manifest is the one that the name starts."""
        return manifest_sha256.startswith(self.digest_start)

    @property
    def app(self) -> Path:
        return self.path / "app"

    @property
    def venv(self) -> Path:
        return self.path / "venv"

    @property
    def models(self) -> Path:
        return self.path / "models"

    @property
    def bundle(self) -> Path:
        return self.path / "bundle"

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def launch_file(self) -> Path:
        return self.path / "launch.py"

    @property
    def receipt_file(self) -> Path:
        return self.path / "receipt.json"

    @property
    def complete_file(self) -> Path:
        return self.path / COMPLETE

    @property
    def discarded_file(self) -> Path:
        return self.path / DISCARDED

    @property
    def is_complete(self) -> bool:
        return reading.is_regular(self.complete_file)

    @property
    def python(self) -> Path:
        """The interpreter of the release's virtual environment."""
        return self.venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def site_packages(self, python: str) -> Path:
        """Return the folder of the packages; ``python`` is the manifest's Python version, for example 3.11."""
        return self.venv / ("Lib/site-packages" if sys.platform == "win32" else f"lib/python{python}/site-packages")

    def manifest(self) -> Manifest:
        """Return the signed manifest that the release was built from.

        Each call returns an object of its own: what a run of checks knows of a release is stored with its manifest.
        """
        return copy.copy(_parsed(reading.read(self.bundle / MANIFEST_NAME, MANIFEST_LIMIT)))


@lru_cache(maxsize=4)
def _parsed(data: bytes) -> Manifest:
    """Return the manifest of some bytes; a run asks for the same one several times."""
    return parse_manifest(data)


def is_release(name: str) -> bool:
    """Return whether an entry of PREFIX/releases has the name of a release."""
    return _RELEASE.fullmatch(name) is not None
