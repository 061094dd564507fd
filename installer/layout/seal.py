"""Seal a release: make it read-only, sync it to the disk, and only then mark it as complete.

The mark, ``COMPLETE``, is the checksum line of the receipt, which lists the digest of every other file.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from bundle import digest
from bundle.strict import refuse
from installer.layout import in_use
from shared import reading, windows
from shared.files import aside, files, trees
from shared.i18n import _

if TYPE_CHECKING:
    from installer.layout.release import Release

READ_ONLY, RUNNABLE, FOLDER, OPEN, UNMARKED = 0o444, 0o555, 0o555, 0o755, 0o644
MARK_LIMIT = 1024  # bytes


def seal(release: Release) -> None:
    """Make a release read-only and sync it; the mark is written last, so only a complete release has it."""
    protect(release)
    files.sync_filesystem(release.path)
    mark_complete(release)


def protect(release: Release) -> None:
    """Remove every write permission, the owner's too; links and their targets are not changed.

    Does nothing on Windows, which stores permissions elsewhere and cannot even remove a read-only file.
    """
    if sys.platform == "win32":
        return
    for entry in trees.walk(release.path):
        mode = entry.status.st_mode
        if entry.left:
            os.chmod(entry.here.handle, FOLDER)
        elif entry.is_file:
            wanted = RUNNABLE if mode & stat.S_IXUSR else READ_ONLY
            # a file of the store has this mode already, so its other names are not affected
            if stat.S_IMODE(mode) != wanted:
                entry.here.do(os.chmod, entry.name, wanted)


def mark_complete(release: Release) -> None:
    """Write the mark that makes a release complete."""
    mark = digest.write_sums({release.receipt_file.name: digest.sha256_file(release.receipt_file)[0]})
    _open(release)
    aside.clear(release.complete_file)
    files.write_atomic(release.complete_file, mark, mode=READ_ONLY)
    if sys.platform != "win32":
        os.chmod(release.path, FOLDER)


def receipt_sha256(release: Release) -> str:
    """Return the digest of the receipt that a release was sealed with.

    Raises TrustError if the mark is malformed, OSError if it is missing or cannot be read.
    """
    name = release.complete_file.name
    sums = digest.read_sums(reading.read(release.complete_file, MARK_LIMIT), name)
    if set(sums) != {release.receipt_file.name}:
        raise refuse(name, _("must contain only the receipt's checksum"))
    return sums[release.receipt_file.name]


def unmark(release: Release) -> None:
    """Remove the mark and sync its removal, so that the remains of a release never count as complete.

    The file is renamed to DISCARDED, because processes of the release may hold a lock on it (see in_use.py).
    """
    if os.path.lexists(release.complete_file):
        _open(release)
        files.replace(release.complete_file, release.discarded_file)
        if sys.platform != "win32" and not release.discarded_file.is_symlink():
            os.chmod(release.discarded_file, UNMARKED)  # NFS grants an exclusive lock only with write access
    # even without a mark: an earlier run may have been killed before this, or after it removed the release
    files.sync_folder(release.path if release.path.is_dir() else release.path.parent)


def remove(release: Release, *, in_use_too: bool = False) -> bool:
    """Remove a release, its mark first, so that an interrupted removal leaves no complete release.

    Return whether it was removed. A release that is still running only loses its mark, and a later collection removes
    it, unless ``in_use_too`` is set; on Windows even then, because a running program cannot be removed there.
    """
    if release.path.is_dir() and not release.path.is_symlink():
        unmark(release)
        with in_use.claimed(release) as is_free:
            if not is_free and not in_use_too:
                return False
            if sys.platform == "win32" and not windows.unlink_unless_running(release.python):
                return False
            files.remove_tree(release.path)
        return True
    files.remove_tree(release.path)
    return True


def _open(release: Release) -> None:
    if sys.platform != "win32":
        os.chmod(release.path, OPEN)
