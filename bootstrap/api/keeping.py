"""Backups of settings and data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.api.here import QUIET, settled
from installer.layout.location.finding import find_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from installer.change.restore import Made, Restored
    from installer.userdata.backup_index import Backup
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class BackupPlan:
    """What a backup, or restoring one, would copy: ``backup`` is the one to restore; bytes needed and free.

    ``free`` is None where the host does not tell.
    """

    backup: Backup | None
    needed: int
    free: int | None

    @property
    def fits(self) -> bool:
        return self.free is None or self.free >= self.needed


def plan_backup(prefix: Path | None = None, *, restore: str | None = None) -> BackupPlan:
    """Return what a backup, or restoring the named one, would take; nothing is written."""
    from installer.change import restore as story
    from installer.userdata import backups
    from shared.files import files

    found = settled(prefix)
    free = files.free_bytes(found.root)
    if restore is None:
        return BackupPlan(None, backups.needed_bytes(found) + backups.RESERVE, free)
    backup = backups.find(found, restore)
    story.check(found, backup)
    return BackupPlan(backup, story.needed_bytes(found, backup), free)


def create_backup(prefix: Path | None = None, *, progress: Progress = QUIET, wait: float = 0.0) -> Made:
    """Copy settings and data, and return the backup."""
    from installer.change import restore as story

    return story.create_backup(find_prefix(prefix), progress, wait=wait)


def list_backups(prefix: Path | None = None) -> list[Backup]:
    """Return the backups that can be restored, the oldest first."""
    from installer.userdata import backups

    return backups.list_backups(settled(prefix))


def restore(name: str, prefix: Path | None = None, *, progress: Progress = QUIET, wait: float = 0.0) -> Restored:
    """Make settings and data what a backup holds; what was there is backed up first."""
    from installer.change import restore as story

    return story.restore(find_prefix(prefix), name, progress, wait=wait)
