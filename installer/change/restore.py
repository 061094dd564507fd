"""Restoring a backup: settings and data are replaced completely, or not at all."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.change import transaction
from installer.layout import journal
from installer.logs import audit_log
from installer.userdata import backup_files, backups, userdata
from installer.userdata.backup_index import read_backup
from shared import troubles
from shared.errors import HostError, InstallError, RagtraceError
from shared.files import files
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.userdata.backup_index import Backup
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Restored:
    """The result: the restored backup, the backup of the replaced files, the active release, the audit log's head."""

    backup: Backup
    before: Path
    active: str | None
    audit_head: str


@dataclass(frozen=True)
class Made:
    """A backup that the user requested, and the audit log's head."""

    backup: Backup
    audit_head: str


def create_backup(prefix: Prefix, progress: Progress, *, reason: str = backups.MANUAL, wait: float = 0.0) -> Made:
    """Create a backup and prune the old ones.

    Raises BusyError if another run holds the lock, HostError if the backup cannot be written.
    """
    with locked(prefix.lock_file, wait=wait):
        transaction.resolve_interrupted(prefix)
        progress.step(_("Backing up settings and data"))
        try:
            made = backups.create(prefix, backups.new_name(prefix, reason))
            backups.prune(prefix)
        except OSError as error:
            raise _explained(error, prefix) from error
        head = audit_log.note(prefix, "backup", "done", backup=made.name)
    return Made(read_backup(made), head)


def restore(prefix: Prefix, name: str, progress: Progress, *, wait: float = 0.0) -> Restored:
    """Restore settings and data from a backup.

    1. Check every file of the backup, and that the active release reads its data; back up the current files.
    2. Stage the whole backup in the prefix, hashing it again, and flush it to disk.
    3. Write the journal, which is the commit point: after a crash, the next command continues from there.
    4. Exchange the data, then replace the settings.

    Raises UsageError for an unknown name, BusyError if another run holds the lock, HostError if the backup is damaged,
    the active release does not read its data, the space is insufficient or the disk fails before the commit point; in
    these cases nothing has changed. Raises InstallError if the disk fails after it.
    """
    with locked(prefix.lock_file, wait=wait):
        transaction.resolve_interrupted(prefix)
        backup = backups.find(prefix, name)
        try:
            return _restore(prefix, backup, progress)
        except BaseException as error:
            head = audit_log.note_failure(prefix, "restore", error, backup=backup.name)
            if journal.read(prefix) is None:
                _clear(prefix)
            if isinstance(error, OSError):
                raise _explained(error, prefix, head) from error
            raise


def _restore(prefix: Prefix, backup: Backup, progress: Progress) -> Restored:
    with progress.wait(_("Checking the backup {name}").format(name=backup.name)):
        check(prefix, backup)
    userdata.require_plain(prefix)
    _require_place(prefix)
    active, restored = prefix.active(), prefix.root / userdata.RESTORED
    backups.require_free(prefix, needed_bytes(prefix, backup))
    with progress.wait(_("Backing up settings and data")):
        before = backups.create(prefix, backups.new_name(prefix, "before-restore"))
    try:
        with progress.wait(_("Restoring settings and data")):
            _clear(prefix)
            _stage(prefix, backup, restored)
            _make_folders(prefix, restored / prefix.data.name)
            files.sync_filesystem(restored)
    except BaseException:
        backups.remove(prefix, before.name)
        raise
    incoming = restored / prefix.data.name
    run = journal.Entry(
        transaction.RESTORE,
        active.id if active else "-",
        incoming=incoming.relative_to(prefix.root).as_posix(),
        inode=userdata.inode(incoming),
    )
    prefix.data.mkdir(exist_ok=True)
    journal.write(prefix, run)
    transaction.finish_restoring(prefix, run)
    head = audit_log.note(prefix, "restore", "done", backup=backup.name, before=before.name)
    return Restored(backup, before, active.id if active else None, head)


def check(prefix: Prefix, backup: Backup) -> None:
    """Raise HostError unless a backup is intact and its data has the layout that the active release reads."""
    backup_files.check(backup)
    wanted = userdata.layout(prefix)
    if backup.layout is not None and wanted is not None and backup.layout != wanted:
        raise HostError(
            _("The backup {name} has data of layout {found}, but the active release reads layout {wanted}.").format(
                name=backup.name, found=backup.layout, wanted=wanted
            ),
            advice=_("Use rollback to activate a release that reads this layout, then restore; nothing was changed."),
        )


def _require_place(prefix: Prefix) -> None:
    """Raise HostError if the settings could not be replaced after the commit point."""
    if prefix.env_file.is_dir() and not prefix.env_file.is_symlink():
        raise HostError(
            _("{path} is a folder; settings must be a file.").format(path=prefix.env_file),
            advice=_("Move it elsewhere, then try again; nothing was changed."),
        )
    if userdata.is_mount_point(prefix.env_file):
        raise HostError(
            _("{path} is a mount point and cannot be replaced.").format(path=prefix.env_file),
            advice=_("Unmount it, run the same command again, then remount it; nothing was changed."),
        )
    troubles.require_changeable(prefix.env_file)


def _stage(prefix: Prefix, backup: Backup, restored: Path) -> None:
    """Stage a backup.

    The previous backup format does not record a symlinked settings file, so for it the current link is retained.
    """
    backup_files.stage(backup, restored)
    settings = restored / prefix.env_file.name
    if not backup.number and not os.path.lexists(settings) and prefix.env_file.is_symlink():
        os.symlink(os.readlink(prefix.env_file), settings)


def _make_folders(prefix: Prefix, data: Path) -> None:
    """Create the folders that the active release links to, which an older backup may lack."""
    data.mkdir(exist_ok=True)
    active = prefix.active()
    if active is None:
        return
    with contextlib.suppress(RagtraceError, OSError):  # recover handles a damaged release
        for folder in active.manifest().application.persist:
            (data / folder).mkdir(parents=True, exist_ok=True)


def needed_bytes(prefix: Prefix, backup: Backup) -> int:
    """Return how many bytes restoring a backup takes: the staged copy, a backup of the current files, a reserve."""
    return userdata.size(backup.path) + backups.needed_bytes(prefix) + backups.RESERVE


def _clear(prefix: Prefix) -> None:
    with contextlib.suppress(OSError):  # the next run removes the rest
        files.remove_tree(prefix.root / userdata.RESTORED)


def _explained(error: OSError, prefix: Prefix, head: str = "") -> RagtraceError:
    if journal.read(prefix) is not None:
        advice = _("The next command finishes the interrupted change.")
    else:
        advice = _("Nothing was changed.")
    if head:
        advice = f"{advice} " + _("Audit log head: {head}.").format(head=head[:16])
    kind: type[RagtraceError] = HostError if journal.read(prefix) is None else InstallError
    reported = troubles.words(error, near=prefix.root)
    return kind(reported.what, advice=f"{reported.advice} {advice}")
