"""Functions for backups of settings and data."""

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
    """The plan for creating a backup, or for restoring ``backup``: the bytes needed and free.

    ``free`` is None if the free space is unknown.
    """

    backup: Backup | None
    needed: int
    free: int | None

    @property
    def fits(self) -> bool:
        return self.free is None or self.free >= self.needed


def plan_backup(prefix: Path | None = None, *, restore: str | None = None) -> BackupPlan:
    """Return the plan for creating a backup, or for restoring the named one; nothing is written."""
    from installer.change import restore as restoring
    from installer.userdata import backups
    from shared.files import files

    found = settled(prefix)
    free = files.free_bytes(found.root)
    if restore is None:
        return BackupPlan(None, backups.needed_bytes(found) + backups.RESERVE, free)
    backup = backups.find(found, restore)
    restoring.check(found, backup)
    return BackupPlan(backup, restoring.needed_bytes(found, backup), free)


def create_backup(prefix: Path | None = None, *, progress: Progress = QUIET, wait: float = 0.0) -> Made:
    """Create a backup of settings and data; return it and the audit log's head."""
    from installer.change import restore as restoring

    return restoring.create_backup(find_prefix(prefix), progress, wait=wait)


def list_backups(prefix: Path | None = None) -> list[Backup]:
    """Return the backups whose index can be read, oldest first."""
    from installer.userdata import backups

    return backups.list_backups(settled(prefix))


def restore(name: str, prefix: Path | None = None, *, progress: Progress = QUIET, wait: float = 0.0) -> Restored:
    """Replace settings and data with those of a backup, after backing up the current ones."""
    from installer.change import restore as restoring

    return restoring.restore(find_prefix(prefix), name, progress, wait=wait)
