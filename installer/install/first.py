"""Undoing a first installation: removing what it created if it was refused (``unmake``) or failed (``clear_away``)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from installer.install.uninstall import remove_state
from installer.layout import journal, proofs
from installer.logs import identity
from shared.files import files, trees

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix


def clear_away(prefix: Prefix) -> None:
    """Remove what a failed first installation created, except the lock, the logs and the audit log."""
    for folder in (prefix.releases, prefix.store, prefix.store.parent, prefix.bin, prefix.data, prefix.backups):
        with contextlib.suppress(OSError):  # what stays is empty; the first error is the one to report
            if folder.is_dir() and not any(True for _entry in trees.files(folder)):
                files.remove_tree(folder)
    if prefix.releases.is_dir():
        return  # not everything could be undone: the next command finds in the journal what remains to be done
    for path in (prefix.previous_file, identity.path_in(prefix), proofs.folder(prefix), journal.path(prefix)):
        with contextlib.suppress(OSError):
            files.remove_tree(path)


def unmake(prefix: Prefix) -> None:
    """Remove the folders created for a first installation that was then refused."""
    clear_away(prefix)
    remove_state(prefix, purge=False)  # the audit log of an earlier installation remains
    if not any(prefix.root.iterdir()):
        prefix.root.rmdir()
