"""The host's pylock.toml (PEP 751): local wheels with their digests; the manifest determines every byte of it.

It is written from the manifest whenever uv needs it and never parsed, so it cannot differ from the manifest.
The copy in the bundle is for other installers, and must be identical.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bundle.digest import sha256_bytes
from bundle.manifest import DEPENDENCIES
from bundle.reading.medium import damaged
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bundle.manifest import Manifest

PYLOCK = f"{DEPENDENCIES}/pylock.toml"


class Row(NamedTuple):
    """One wheel in pylock.toml: its path below ``wheels``, its package's name and version, its digest."""

    wheel: str
    name: str
    version: str
    sha256: str


def rows_of(manifest: Manifest, only: Collection[str] | None = None) -> list[Row]:
    """Return a row for each package, or only for those named in ``only``."""
    wheels = {entry.path: entry for entry in manifest.of_kind("wheel")}
    return [
        Row(wheels[package.wheel].inner, package.name, package.version, wheels[package.wheel].sha256)
        for package in manifest.packages
        if only is None or package.name in only
    ]


def write_pylock(rows: Iterable[Row]) -> bytes:
    """Return the bytes of pylock.toml, whose wheels are in the folder ``wheels`` next to it.

    No value needs an escape in TOML: a manifest's names, versions and paths contain no quotation mark, backslash
    or control character.
    """
    blocks = ['lock-version = "1.0"\ncreated-by = "ragtrace"\n']
    for row in sorted(rows):
        place = f'path = "wheels/{row.wheel}", hashes = {{ sha256 = "{row.sha256}" }}'
        blocks.append(f'[[packages]]\nname = "{row.name}"\nversion = "{row.version}"\nwheels = [{{ {place} }}]\n')
    return "\n".join(blocks).encode()


def require_lock(manifest: Manifest) -> None:
    """Raise TrustError unless the bundle's pylock.toml is, byte for byte, the one that its manifest determines."""
    entry = manifest.entry(PYLOCK)
    if entry is None or entry.sha256 != sha256_bytes(write_pylock(rows_of(manifest))):
        raise damaged(PYLOCK, _("it does not match the packages in the manifest"))
