"""Backups of the user's settings and data, copied with digests before every change.

``PREFIX/backups/<UTC time>-<reason>/`` holds ``files/`` and ``index.json``, which is written last and read back. A
backup without its index is damaged, and is never removed automatically. The newest backup is determined by a growing
number in the index, never by a clock. A file that has not changed since the previous backup is shared with it (a hard
link), so that many backups of the same data take the space of one. A restore copies files and never shares them.
"""

from __future__ import annotations

import logging
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from installer.userdata import backup_files, userdata
from installer.userdata.backup_files import bytes_to_copy, of_the_user
from installer.userdata.backup_index import DATA, FILES, INDEX, NAME, Backup, number_of, read_backup, reason_of
from shared import reading
from shared.errors import HostError, TrustError, UsageError
from shared.files import files
from shared.i18n import _
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

LOG = logging.getLogger("ragtrace")
MANUAL = "manual"  # the reason of backups that a user requested
RETAINED_BACKUPS = 5  # of requested backups, and as many of those created before changes
RESERVE = 16 << 20  # bytes that remain free after a backup


def new_name(prefix: Prefix, reason: str) -> str:
    """Return the name of the next backup for a reason. Raises UsageError if the reason is not valid in a name."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    there = [path.name for path in prefix.backups.glob(f"{stamp}*")]
    number = max(map(number_of, there), default=-1) + 1
    name = f"{stamp}-{number}-{reason}" if number else f"{stamp}-{reason}"
    if not NAME.fullmatch(name):
        raise UsageError(_("{reason} is not valid as the reason of a backup.").format(reason=reason[:80]))
    return name


def create(prefix: Prefix, name: str, *, also: Collection[Path] = (), quick: bool = False) -> Path:
    """Create a backup of settings and data with a name from ``new_name``; return its folder.

    ``also`` lists other files below the prefix to include. With ``quick``, files that are shared with the previous
    backup are not hashed again, and the caller must sync the backup to the disk. Raises HostError if there is too
    little space.
    """
    previous = _newest(prefix)
    require_free(prefix, needed_bytes(prefix) + sum(path.lstat().st_size for path in also) + RESERVE)
    prefix.backups.mkdir(mode=0o700, exist_ok=True)
    target = prefix.backups / name
    beside = target.with_name(f".{name}.{os.getpid()}.tmp")
    active = prefix.active()
    try:
        beside.mkdir(mode=0o700)
        (beside / FILES).mkdir(mode=0o700)
        saver = backup_files.Saver(prefix, beside / FILES, previous, quick=quick)
        saver.save(also)
        backup = Backup(
            path=beside,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            reason=reason_of(name),
            release=active.id if active else None,
            saved=tuple(saver.saved),
            layout=userdata.layout(prefix),
            number=previous.number + 1 if previous else 1,
            left_out=tuple(saver.left_out),
        )
        for path in saver.left_out:
            LOG.warning("no file, folder or link, and not backed up: %r", path)
        files.write_atomic(beside / INDEX, backup.to_bytes(), mode=0o600)
        backup_files.check(read_backup(beside), saver.shared)
        if not quick:
            files.sync_filesystem(beside)
        files.replace(beside, target)
        files.sync_folder(prefix.backups)
    finally:
        files.remove_tree(beside)
    return target


def needed_bytes(prefix: Prefix) -> int:
    """Return how many bytes a backup would take now: the size of the files that differ from the newest backup."""
    return bytes_to_copy(prefix, _newest(prefix))


def list_backups(prefix: Prefix) -> list[Backup]:
    """Return the backups whose index can be read, the oldest first by number, not by clock."""
    found = []
    for path in sorted(prefix.backups.iterdir()) if prefix.backups.is_dir() else ():
        if NAME.fullmatch(path.name) and (path / INDEX).is_file():
            try:
                found.append(read_backup(path))
            except (TrustError, OSError):
                continue
    return sorted(found, key=lambda backup: backup.order)


def newest_with_data(prefix: Prefix) -> Backup | None:
    """Return the newest backup that contains files of the user's data, or None."""
    holding = (
        backup
        for backup in reversed(list_backups(prefix))
        if any(item.depth > 0 and not item.is_folder for item in backup.saved) and _has_data(backup)
    )
    return next(holding, None)


def unreadable(prefix: Prefix) -> list[str]:
    """Return the names of backups whose index, the only record of their contents, is lost or cannot be read."""
    found = []
    for path in sorted(prefix.backups.iterdir()) if prefix.backups.is_dir() else ():
        if NAME.fullmatch(path.name):
            try:
                read_backup(path)
            except (TrustError, OSError):
                found.append(path.name)
    return found


def _has_data(backup: Backup) -> bool:
    return any(item.depth == 0 and item.name == DATA for item in backup.saved)


def find(prefix: Prefix, name: str) -> Backup:
    """Return a backup by its name, or the newest for ``latest``. Raises UsageError if there is no such backup."""
    known = list_backups(prefix)
    wanted = [backup for backup in known if backup.name == name]
    if name == "latest" and known:
        return known[-1]
    if not wanted:
        names = ", ".join(backup.name for backup in known)
        raise UsageError(
            _("{name} is not a backup of {path}.").format(name=name[:80], path=prefix.root),
            advice=_("Choose one of these: {names}.").format(names=names)
            if names
            else _("Create a backup first; there are none."),
        )
    return wanted[0]


def remove(prefix: Prefix, name: str) -> None:
    """Rename a backup, then remove it, so that an interrupted removal does not look like a damaged backup."""
    folder = prefix.backups / name
    if reading.is_folder(folder):
        beside = folder.with_name(f".{name}.{os.getpid()}.tmp")
        files.replace(folder, beside)
        files.sync_folder(prefix.backups)
        folder = beside
    files.remove_tree(folder)


def prune(prefix: Prefix) -> None:
    """Remove all but the newest five requested backups, the newest five before changes, and the newest with data."""
    found = list_backups(prefix)
    asked = [backup for backup in found if backup.reason == MANUAL]
    made = [backup for backup in found if backup.reason != MANUAL]
    last = newest_with_data(prefix)  # backups created while the data is lost contain none
    for backup in (*asked[:-RETAINED_BACKUPS], *made[:-RETAINED_BACKUPS]):
        if last is not None and backup.name == last.name:
            continue
        remove(prefix, backup.name)


def leftovers(prefix: Prefix) -> list[Path]:
    """Return the temporary folders of backups whose creation or removal was interrupted."""
    return [*prefix.backups.glob(".*.tmp")]


def pinned(prefix: Prefix) -> Release | None:
    """Return the release of the newest backup whose release is complete and not of the active version, or None."""
    return pinned_beside(prefix, prefix.active())


def pinned_beside(prefix: Prefix, active: Release | None, damaged: Release | None = None) -> Release | None:
    """Return what ``pinned`` would return if ``active`` were the active release and ``damaged`` did not exist."""
    for backup in reversed(list_backups(prefix)):
        if backup.release is None:
            continue
        try:
            release = prefix.release(backup.release)
        except UsageError:
            continue
        if release.is_complete and release != damaged and (active is None or release.version_key != active.version_key):
            return release
    return None


def holds_anything(prefix: Prefix) -> bool:
    """Return whether there are settings, or files or links in the user's data."""
    return any(entry.is_file or entry.is_link for entry in of_the_user(prefix))


def require_free(prefix: Prefix, needed: int) -> None:
    """Raise HostError if fewer than ``needed`` bytes are free; an unknown number counts as enough."""
    free = files.free_bytes(prefix.root)
    if free is not None and free < needed:
        raise HostError(
            _("{path} has too little space for a copy of the data: {needed} needed, {free} free.").format(
                path=prefix.root, needed=human_bytes(needed), free=human_bytes(free)
            ),
            advice=_("Free up space there, then try again."),
        )


def _newest(prefix: Prefix) -> Backup | None:
    found = list_backups(prefix)
    return found[-1] if found else None
