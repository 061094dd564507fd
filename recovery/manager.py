"""The recovery API for programs: create, list and restore backups, and roll back; ``recover`` does not use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from installer.change import restore
from installer.install import rollback
from installer.layout.location.finding import find_prefix
from installer.trust.stores import host_trust_stores
from installer.userdata import backups
from recovery.rebuild_for_rollback import rebuilding
from shared.errors import HostError
from shared.i18n import _
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix
    from installer.userdata.backup_index import Backup
    from shared.terminal.progress import Progress


class InstallationRecoveryManager:
    """Creates and restores backups of one installation, and rolls back to them.

    ``install_dir`` is the folder of the installation (the prefix). HostError is raised if nothing is installed, if
    there is not enough space, or if a backup is damaged.
    """

    def __init__(self, install_dir: Path | str, progress: Progress | None = None) -> None:
        self.prefix: Prefix = find_prefix(Path(install_dir))
        self.progress = progress or NoProgress()

    def create_backup(self, reason: str = backups.MANUAL) -> Path:
        """Back up settings and data; return the backup's folder.

        The newest five requested backups are retained, the newest five made before changes, and the newest with data.
        """
        return restore.create_backup(self.prefix, self.progress, reason=reason).backup.path

    def list_backups(self) -> list[Backup]:
        """Return the backups whose index can be read, the oldest first."""
        return backups.list_backups(self.prefix)

    def restore(self, name: str) -> Path:
        """Replace settings and data with those of a backup; return a backup of their previous state.

        The whole backup is checked before anything is changed.
        """
        return restore.restore(self.prefix, name, self.progress).before

    def rollback(self) -> Path:
        """Roll back to the newest backup: its release, its settings and its data.

        Returns a backup of the previous state. Raises HostError if there is no backup or its release is missing,
        InstallError if the release does not work.
        """
        made = self.list_backups()
        if not made:
            raise HostError(
                _("{path} contains no backup.").format(path=self.prefix.backups),
                advice=_("Use rollback to activate a retained release; nothing was changed."),
            )
        newest = made[-1]
        active, wanted = self.prefix.active(), newest.release
        if wanted and (active is None or active.version_key != self.prefix.release(wanted).version_key):
            rollback.rollback(self.prefix, self.progress, rollback.Goal(wanted, rebuilding(host_trust_stores())))
        return self.restore(newest.name)
