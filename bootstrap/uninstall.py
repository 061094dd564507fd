"""Removing an installation, in an order that leaves something that can be uninstalled wherever it is cut short."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap import audit_log, files, launchers, seal
from bootstrap.errors import HostError, InstallError
from bootstrap.i18n import _
from bootstrap.lockfile import locked

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.console import Progress
    from bootstrap.prefix import Prefix

LOCK = "lock"


@dataclass(frozen=True)
class Removal:
    """What became of a prefix: what of the user's stays there, and the last head of the audit log that went."""

    prefix: Path
    stays: tuple[Path, ...]
    audit_head: str


def uninstall(prefix: Prefix, progress: Progress, *, purge: bool = False, wait: float = 0.0) -> Removal:
    """Remove an installation; with ``purge`` the user's data, settings and backups too.

    1. ``current`` goes: from here on no release is active.
    2. Launchers, releases, store. With ``purge`` what is the user's.
    3. ``state`` goes last, because it tells that the folder is ours.

    Raises HostError for a folder that is not ours, BusyError, InstallError when something can't be removed.
    """
    demand_ours(prefix)
    with locked(prefix.state / LOCK, wait=wait):
        progress.step(_("Removing {path}").format(path=prefix.root))
        head = audit_log.note(prefix, "uninstall", "begun", purge=purge)
        try:
            files.remove_tree(prefix.current)
            files.sync_folder(prefix.root)
            _remove_ours(prefix)
            if purge:
                for path in _of_the_user(prefix):
                    files.remove_tree(path)
            for path in prefix.state.iterdir():
                if path.name != LOCK:
                    files.remove_tree(path)
        except OSError as error:
            place = error.filename or prefix.root
            raise InstallError(
                _("{path} cannot be removed: {reason}.").format(path=place, reason=error.strerror or error),
                advice=_("No release is active. Mend this, then run uninstall again."),
            ) from error
    files.remove_tree(prefix.state)
    stays = _stays(prefix)
    return Removal(prefix.root, stays, head)


def demand_ours(prefix: Prefix) -> None:
    """Raise HostError for a folder that merely has a ``state`` in it."""
    if prefix.state.is_symlink() or (any(prefix.state.iterdir()) and not (prefix.state / LOCK).is_file()):
        ours = prefix.logs.is_dir() and {path.name for path in prefix.state.iterdir()} == {prefix.logs.name}
        if not ours:
            raise HostError(
                _("{path} was not made by this installer.").format(path=prefix.root),
                advice=_("Name the folder of an installation with --prefix."),
            )


def _remove_ours(prefix: Prefix) -> None:
    launchers.prune(prefix, None)
    for path in prefix.bin.glob(".*.tmp"):
        files.remove_tree(path)
    for release in prefix.all_releases():
        seal.remove(release)
    files.remove_tree(prefix.store.parent)
    for path in (
        *prefix.root.glob(".current.*.tmp"),
        *prefix.root.glob("..env.*.tmp"),
        *prefix.root.glob(".ragtrace-*"),
    ):
        files.remove_tree(path)
    for folder in (prefix.bin, prefix.releases):
        _remove_when_empty(folder)


def _of_the_user(prefix: Prefix) -> tuple[Path, ...]:
    return prefix.data, prefix.env_file, prefix.backups


def _stays(prefix: Prefix) -> tuple[Path, ...]:
    """Return what of the user's is left; empty folders go, and the prefix itself when nothing is in it."""
    for folder in (prefix.data, prefix.backups):
        if not any(path.is_file() or path.is_symlink() for path in folder.rglob("*")):
            files.remove_tree(folder)
    _remove_when_empty(prefix.root)
    return tuple(path for path in _of_the_user(prefix) if os.path.lexists(path))


def _remove_when_empty(folder: Path) -> None:
    """Remove a folder unless somebody keeps something of his own in it."""
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
