"""The base release of a delta bundle, as described by its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle.manifest import MANIFEST_LIMIT, parse_manifest
from bundle.reading import delta
from shared import reading, troubles
from shared.errors import BuildError, TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest


@dataclass(frozen=True)
class Base:
    """A release that hosts have: its manifest, parsed and as the original bytes, which the delta bundle includes."""

    manifest: Manifest
    data: bytes

    def left_out(self, manifest: Manifest) -> frozenset[FileEntry]:
        """Return the files that a delta bundle against this base omits. Raises BuildError if it cannot be the base."""
        try:
            delta.require_base(manifest, self.manifest)
        except TrustError as error:
            raise BuildError(
                error.what, advice=_("Specify the manifest of an earlier release that hosts have installed.")
            ) from error
        return frozenset(delta.left_out(manifest, self.manifest))

    def has_wheel(self, sha256: str) -> bool:
        """Return whether the release has a wheel with this digest."""
        return any(entry.sha256 == sha256 for entry in self.manifest.of_kind("wheel"))

    def described(self, manifest: Manifest) -> dict[str, Any]:
        """Return the base of a delta bundle and the omitted files as JSON values, with sizes in bytes."""
        product, left_out = self.manifest.product, self.left_out(manifest)
        size = sum(entry.size for entry in left_out)
        return {"version": product.version, "counter": product.counter, "files": len(left_out), "bytes": size}

    def folder(self, manifest: Manifest) -> str:
        """Return the name of the delta bundle's folder."""
        return f"{manifest.folder}-from-{self.manifest.product.version}"


def read_base(path: Path) -> Base:
    """Read the manifest of a release, given by its path or folder. Raises UsageError if it is not a valid manifest."""
    path = path / "MANIFEST.json" if path.is_dir() else path
    advice = _("Specify the MANIFEST.json of the release that the hosts have.")
    try:
        data = reading.read(path, MANIFEST_LIMIT, follow=True)
        return Base(parse_manifest(data, path.name), data)
    except OSError as error:
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=advice) from error
    except TrustError as error:
        raise UsageError(error.what, advice=advice) from error
