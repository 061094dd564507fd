"""Uninstallation, in an order that can be resumed after an interruption at any step."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer.change import transaction
from installer.install import unknown_files
from installer.layout import seal
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import launchers
from installer.userdata import backups
from shared import troubles
from shared.errors import HostError, InstallError
from shared.files import aside, files, trees
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Removal:
    """The result of an uninstallation: the prefix, the paths that remain, and the last head of the audit log."""

    prefix: Path
    stays: tuple[Path, ...]
    audit_head: str


def uninstall(prefix: Prefix, progress: Progress, *, purge: bool = False, wait: float = 0.0) -> Removal:
    """Remove an installation; ``purge`` also removes the user's data, settings, models and backups, and the audit log.

    Raises BusyError if another run holds the lock, InstallError if something cannot be removed.
    """
    elsewhere = _elsewhere(prefix)
    if prefix.is_left:
        return _purge_left(prefix, progress, elsewhere)
    with locked(prefix.lock_file, wait=wait), progress.wait(_("Removing {path}").format(path=prefix.root)):
        head = audit_log.note(prefix, "uninstall", "begun", purge=purge)
        try:
            # 1. Undo what a crash left. Back up settings and data unless they are purged; if that fails, they remain.
            transaction.resolve_interrupted(prefix)
            if not purge:
                _back_up(prefix, progress)
            # 2. Remove ``current``: from here on no release is active.
            files.remove_tree(prefix.current)
            files.sync_folder(prefix.root)
            # 3. Remove launchers, releases and store; with ``purge`` settings, data, models and backups.
            _remove_ours(prefix)
            if purge:
                _remove_the_users(prefix)
            # 4. Remove the tool's own state, except what the last steps need.
            stored = (prefix.lock_file, prefix.logs, prefix.audit, *unknown_files.around(prefix))
            for path in prefix.state.iterdir():
                if path not in stored:
                    files.remove_tree(path)
            files.sync_filesystem(prefix.root)  # after a power cut, files could return without the state
        except OSError as error:
            audit_log.note_failure(prefix, "uninstall", error, purge=purge)
            raise _stopped(prefix, error) from error
        # 5. Record it in the audit log, which a later installation continues.
        if not purge:
            names = [path.relative_to(prefix.root).as_posix() for path in worth_keeping(prefix)]
            head = audit_log.note(prefix, "uninstall", "done", stays=names) or head
    # 6. Remove ``state`` last, because it identifies the folder as an installation.
    remove_state(prefix, purge=purge)
    return Removal(prefix.root, _stays(prefix, elsewhere), head)


def _purge_left(prefix: Prefix, progress: Progress, elsewhere: tuple[Path, ...]) -> Removal:
    """Remove the files that an earlier uninstallation left."""
    progress.step(_("Removing {path}").format(path=prefix.root))
    head = audit_log.note(prefix, "uninstall", "begun", purge=True)
    try:
        _remove_the_users(prefix)
        remove_state(prefix, purge=True)
    except OSError as error:
        raise _stopped(prefix, error) from error
    return Removal(prefix.root, _stays(prefix, elsewhere), head)


def _stopped(prefix: Prefix, error: OSError) -> InstallError:
    active = prefix.active()
    reported = troubles.words(error, troubles.REMOVING, near=prefix.root)
    still = _("The active release is still {release}.").format(release=active.id) if active else ""
    return InstallError(
        reported.what,
        advice=f"{reported.advice} {still or _('No release is active.')} " + _("Run uninstall again."),
    )


def remove_state(prefix: Prefix, *, purge: bool) -> None:
    """Remove this tool's own state, the lock last; without ``purge`` the audit log remains, if there is one."""
    if purge:
        files.remove_tree(prefix.audit)
    lock, stored = prefix.lock_file, (prefix.audit, *unknown_files.around(prefix))
    for path in sorted(prefix.state.iterdir(), key=lambda path: path == lock):
        if path not in stored:
            files.remove_tree(path)
    _remove_when_empty(prefix.state)


def _back_up(prefix: Prefix, progress: Progress) -> None:
    try:
        if not backups.holds_anything(prefix):
            return
        backups.create(prefix, backups.new_name(prefix, "before-uninstall"))
        backups.prune(prefix)
    except (HostError, OSError) as trouble:
        progress.warn(
            _("The data was not backed up and stays in place: {reason}").format(reason=troubles.described(trouble))
        )


def _remove_ours(prefix: Prefix) -> None:
    launchers.prune(prefix, None)
    for path in prefix.bin.glob(".*.tmp"):
        files.remove_tree(path)
    for release in prefix.all_releases():
        if not seal.remove(release, in_use_too=True):
            raise PermissionError(errno.EACCES, _("it is still running"), str(release.python))
    Store(prefix.store).collect(set())
    for path in (*prefix.store.parent.glob(".ragtrace-*"), *prefix.temporary):
        files.remove_tree(path)
    for folder in (prefix.bin, prefix.releases, prefix.store, prefix.store.parent):
        if files.is_link(folder):
            files.remove_tree(folder)  # only the link: its target no longer contains files of this tool
        aside.clear(folder, folder=True)
        _remove_when_empty(folder)


def _remove_the_users(prefix: Prefix) -> None:
    for path in (prefix.data, prefix.env_file, prefix.backups, prefix.models):
        files.remove_tree(path)


def worth_keeping(prefix: Prefix) -> tuple[Path, ...]:
    """Return the paths that an uninstallation leaves, without folders that hold no files."""
    folders = (prefix.data, prefix.backups, prefix.models)
    return tuple(path for path in prefix.left if path not in folders or _holds_files(path))


def _elsewhere(prefix: Prefix) -> tuple[Path, ...]:
    """Return the targets of the user's folders and settings that are links: only the links are removed."""
    users = (prefix.data, prefix.env_file, prefix.backups, prefix.models)
    return tuple(Path(os.path.realpath(path)) for path in users if files.is_link(path))


def _stays(prefix: Prefix, elsewhere: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the paths that remain; removes empty folders first, and the prefix itself if it is empty."""
    for folder in (prefix.data, prefix.backups):
        if not _holds_files(folder):
            files.remove_tree(folder)
    _remove_when_empty(prefix.root)
    here = (*prefix.left, *unknown_files.left(prefix))
    return (*here, *(path for path in elsewhere if os.path.lexists(path) and path not in here))


def _holds_files(folder: Path) -> bool:
    """Return whether a folder contains anything but empty folders, or cannot be read by this user."""
    try:
        return any(True for _entry in trees.files(folder))
    except OSError:
        return True


def _remove_when_empty(folder: Path) -> None:
    """Remove a folder if it is empty and not a link."""
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
