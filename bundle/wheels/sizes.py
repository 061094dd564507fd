"""The unpacked sizes of wheels, and the totals that the manifest declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bundle.manifest import NAME
from bundle.reading.medium import damaged
from shared.i18n import _

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable

    from bundle.manifest import FileEntry, Manifest

# how much a release may exceed the totals of its manifest: older builders counted a little less
PROMISE_SHARE, PROMISE_BYTES, PROMISE_FILES = 0.1, 16 << 20, 500
WRITTEN_KINDS = ("source", "script", "interpreter")  # kinds of files, other than wheels, that a release contains


class Unpacked(NamedTuple):
    """The totals in a wheel's central directory: unpacked bytes and number of files."""

    bytes: int
    files: int


NOTHING = Unpacked(0, 0)


def installed(files: Iterable[FileEntry], wheels: Iterable[Unpacked]) -> Unpacked:
    """Return the totals of a release, from the files of its bundle and the totals of its wheels, without models."""
    written = [Unpacked(entry.size, 1) for entry in files if entry.kind in WRITTEN_KINDS]
    parts = [*written, *wheels]
    return Unpacked(sum(part.bytes for part in parts), sum(part.files for part in parts))


def require_unpacked_size(manifest: Manifest, wheels: Iterable[Unpacked]) -> None:
    """Raise TrustError if a release exceeds its manifest's totals beyond the tolerance: preflight relied on them."""
    found = installed(manifest.files, wheels)
    most = Unpacked(
        int(manifest.installed_bytes * (1 + PROMISE_SHARE)) + PROMISE_BYTES,
        int(manifest.installed_files * (1 + PROMISE_SHARE)) + PROMISE_FILES,
    )
    if found.bytes > most.bytes or found.files > most.files:
        reason = _("declares {bytes} bytes in {files} files, but its release has {more} bytes in {count}").format(
            bytes=manifest.installed_bytes, files=manifest.installed_files, more=found.bytes, count=found.files
        )
        raise damaged(f"{NAME}.totals", reason)


def of_wheel(wheel: zipfile.ZipFile) -> Unpacked:
    """Return the totals of a wheel from its central directory."""
    files = [member for member in wheel.infolist() if not member.is_dir()]
    return Unpacked(sum(member.file_size for member in files), len(files))
