"""What wheels come to once they are unpacked, and what the manifest says that they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bundle.manifest import NAME
from bundle.reading.medium import damaged
from shared.i18n import _

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable

    from bundle.manifest import FileEntry, Manifest

# what a release may take more than its manifest says: older builders counted a little less
PROMISE_SHARE, PROMISE_BYTES, PROMISE_FILES = 0.1, 16 << 20, 500
WRITTEN_KINDS = ("source", "script", "interpreter")  # of files that a release has besides those of wheels


class Unpacked(NamedTuple):
    """What a wheel's central directory says that it comes to: bytes and number of files."""

    bytes: int
    files: int


NOTHING = Unpacked(0, 0)


def installed(files: Iterable[FileEntry], wheels: Iterable[Unpacked]) -> Unpacked:
    """Return what a release comes to, by the files of its bundle and what its wheels come to; no model is in it."""
    written = [Unpacked(entry.size, 1) for entry in files if entry.kind in WRITTEN_KINDS]
    parts = [*written, *wheels]
    return Unpacked(sum(part.bytes for part in parts), sum(part.files for part in parts))


def require_promise(manifest: Manifest, wheels: Iterable[Unpacked]) -> None:
    """Raise TrustError for a manifest that says less than its release comes to: preflight has believed it."""
    found = installed(manifest.files, wheels)
    most = Unpacked(
        int(manifest.installed_bytes * (1 + PROMISE_SHARE)) + PROMISE_BYTES,
        int(manifest.installed_files * (1 + PROMISE_SHARE)) + PROMISE_FILES,
    )
    if found.bytes > most.bytes or found.files > most.files:
        reason = _("declares {bytes} bytes in {files} files, but its wheels unpack to {more} bytes in {count}").format(
            bytes=manifest.installed_bytes, files=manifest.installed_files, more=found.bytes, count=found.files
        )
        raise damaged(f"{NAME}.totals", reason)


def of_wheel(wheel: zipfile.ZipFile) -> Unpacked:
    """Return what a wheel comes to, by its central directory."""
    files = [member for member in wheel.infolist() if not member.is_dir()]
    return Unpacked(sum(member.file_size for member in files), len(files))
