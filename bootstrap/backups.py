"""Backups of what is the user's: settings and data, copied with digests before every change.

``PREFIX/backups/<UTC time>-<reason>/`` holds ``files/`` and ``index.json``, which is written last and read
back; a folder without it is no backup. A file that is as it was at the backup before is shared with it (a hard
link), so that many backups of the same data take the space of one. What is restored is copied, never shared.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from bootstrap import files, migration, userdata
from bootstrap.backup_index import FILES, FOLDER, INDEX, NAME, Backup, Saved, number_of, read_backup, reason_of
from bootstrap.bundle.digest import BLOCK, sha256_file
from bootstrap.console import human_bytes
from bootstrap.errors import HostError, TrustError, UsageError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bootstrap.prefix import Prefix, Release

MANUAL = "manual"  # the reason of those that somebody asked for
STAMP = 16  # characters of a name that tell the second it was made in
KEPT_BACKUPS = 5  # of those that were asked for, and of those made before changes
RESERVE = 16 << 20  # bytes left free beside a backup
SETTLED = 2_000_000_000  # nanoseconds; a file changed more recently may change again and keep its time (git: racy)


def new_name(prefix: Prefix, reason: str) -> str:
    """Return the name that the next backup for a reason has."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    there = [path.name for path in prefix.backups.glob(f"{stamp}*")]
    number = max(map(number_of, there), default=-1) + 1
    name = f"{stamp}-{number}-{reason}" if number else f"{stamp}-{reason}"
    if not NAME.fullmatch(name):
        raise UsageError(_("{reason} is not a name for a backup.").format(reason=reason[:80]))
    return name


def create(prefix: Prefix, name: str, *, also: Iterable[Path] = (), quick: bool = False) -> Path:
    """Copy settings and data under a name from ``new_name``; return the backup's folder.

    ``also`` are other files below the prefix that go with them. With ``quick`` files that are shared with the
    backup before are not hashed again, and the caller makes the backup last. Raises HostError where there is no space.
    """
    former = _newest(prefix)
    sources = [*of_the_user(prefix), *also]
    _demand_space(prefix, sources, former)
    prefix.backups.mkdir(mode=0o700, exist_ok=True)
    target = prefix.backups / name
    beside = target.with_name(f".{name}.{os.getpid()}.tmp")
    active = prefix.active()
    try:
        beside.mkdir(mode=0o700)
        (beside / FILES).mkdir(mode=0o700)
        saver = _Saver(prefix, beside / FILES, former, quick=quick)
        saved = tuple(item for item in map(saver.save, sources) if item is not None)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        release = active.id if active else None
        backup = Backup(beside, now, reason_of(name), release, saved, migration.layout(prefix))
        files.write_atomic(beside / INDEX, backup.to_bytes(), mode=0o600)
        _check(read_backup(beside), leave_out=saver.shared)
        if not quick:
            files.sync_filesystem(beside)
        files.replace(beside, target)
        files.sync_folder(prefix.backups)
    finally:
        files.remove_tree(beside)
    return target


def needed_bytes(prefix: Prefix) -> int:
    """Return what a backup would take now: the bytes of files that are not as the backup before has them."""
    return _bytes_to_copy(prefix, of_the_user(prefix), _newest(prefix))


def list_backups(prefix: Prefix) -> list[Backup]:
    """Return the backups whose index can be read, the oldest first."""
    found = []
    for path in sorted(prefix.backups.iterdir()) if prefix.backups.is_dir() else ():
        if NAME.fullmatch(path.name) and (path / INDEX).is_file():
            try:
                found.append(read_backup(path))
            except (TrustError, OSError):
                continue
    return sorted(found, key=lambda backup: (backup.name[:STAMP], number_of(backup.name)))


def find(prefix: Prefix, name: str) -> Backup:
    """Return a backup by its name, ``latest`` for the newest. Raises UsageError for any other."""
    known = list_backups(prefix)
    wanted = [backup for backup in known if backup.name == name]
    if name == "latest" and known:
        return known[-1]
    if not wanted:
        names = ", ".join(backup.name for backup in known) or _("none")
        raise UsageError(
            _("{name} is not a backup of {path}.").format(name=name[:80], path=prefix.root),
            advice=_("There are: {names}.").format(names=names),
        )
    return wanted[0]


def remove(prefix: Prefix, name: str) -> None:
    """Remove a backup, its index first: a removal that is cut short leaves nothing that counts."""
    folder = prefix.backups / name
    if (folder / INDEX).is_file():
        (folder / INDEX).unlink()
        files.sync_folder(folder)
    files.remove_tree(folder)


def prune(prefix: Prefix) -> None:
    """Keep the newest five that were asked for and the newest five made before changes."""
    found = list_backups(prefix)
    asked = [backup for backup in found if backup.reason == MANUAL]
    made = [backup for backup in found if backup.reason != MANUAL]
    for backup in (*asked[:-KEPT_BACKUPS], *made[:-KEPT_BACKUPS]):
        remove(prefix, backup.name)


def leftovers(prefix: Prefix) -> list[Path]:
    """Return folders of backups that were cut short while they were made or removed."""
    halves = (path for path in prefix.backups.glob("*") if NAME.fullmatch(path.name) and not (path / INDEX).is_file())
    return [*prefix.backups.glob(".*.tmp"), *halves]


def pinned(prefix: Prefix) -> Release | None:
    """Return the release of the newest backup that is of another release than the active one, while it is whole."""
    active = prefix.active()
    for backup in reversed(list_backups(prefix)):
        if backup.release is None or (active is not None and backup.release == active.id):
            continue
        try:
            release = prefix.release(backup.release)
        except UsageError:
            continue
        if release.is_complete:
            return release
    return None


def of_the_user(prefix: Prefix) -> Iterator[Path]:
    """Yield the settings, and every folder, file and link of the data."""
    if prefix.env_file.is_file() and not prefix.env_file.is_symlink():
        yield prefix.env_file
    if prefix.data.is_dir():
        yield from userdata.walk(prefix.data)


def stage(backup: Backup, target: Path) -> None:
    """Copy what a backup holds of the user's into a new folder, each file hashed as it is copied.

    Raises HostError for a file that is not what the index says.
    """
    target.mkdir(mode=0o700)
    folders = []
    for item in backup.saved:
        if item.path != ".env" and item.path.split("/")[0] != "data":
            continue
        source, copy = backup.path / FILES / item.path, target / item.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if item.content == FOLDER:
            copy.mkdir(exist_ok=True)
            folders.append((source, copy, item.mode))
        elif item.content.startswith("-> "):
            os.symlink(item.content[3:], copy)
        else:
            if _copy(source, copy)[0] != item.content:
                raise _damaged(source)
            userdata.copy_status(source, copy)
            os.chmod(copy, item.mode)
    for source, copy, mode in reversed(folders):
        userdata.copy_status(source, copy)
        os.chmod(copy, mode)


def check(backup: Backup) -> None:
    """Raise HostError unless every file of a backup is what its index says."""
    _check(backup)


class _Saver:
    """Copies files into a backup, or shares those that are as the backup before has them."""

    def __init__(self, prefix: Prefix, folder: Path, former: Backup | None, *, quick: bool) -> None:
        self.prefix, self.folder, self.former, self.quick = prefix, folder, former, quick
        self.known = _by_path(former)
        self.shared: set[str] = set()

    def save(self, path: Path) -> Saved | None:
        """Take one file; None when it has gone meanwhile."""
        relative = path.relative_to(self.prefix.root).as_posix()
        target = self.folder / relative
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            status = path.stat() if path == self.prefix.data else path.lstat()  # data may lie on another disk
            if stat.S_ISLNK(status.st_mode):
                os.symlink(os.readlink(path), target)
                return Saved(relative, f"-> {os.readlink(path)}", 0)
            if stat.S_ISDIR(status.st_mode):
                target.mkdir(mode=0o700, exist_ok=True)
                userdata.give_owner(status, target)
                return Saved(relative, FOLDER, stat.S_IMODE(status.st_mode))
            known = self.known.get(relative)
            if known is not None and known.stamp and known.stamp == _stamp(status) and self._share(known, target):
                return known
            return self._copy(path, relative, target)
        except FileNotFoundError:
            if os.path.lexists(path):
                raise
            return None  # a running application removes its temporary files

    def _share(self, known: Saved, target: Path) -> bool:
        assert self.former is not None
        source = self.former.path / FILES / known.path
        if not self.quick and sha256_file(source)[0] != known.content:
            return False
        try:
            os.link(source, target)
        except OSError:
            return False  # a filesystem without links: a copy
        self.shared.add(known.path)
        return True

    def _copy(self, path: Path, relative: str, target: Path) -> Saved:
        before = time.time_ns()
        digest, status = _copy(path, target)
        userdata.copy_status(path, target)
        now = path.lstat()
        settled = _stamp(now) == _stamp(status) and before - max(now.st_ctime_ns, now.st_mtime_ns) > SETTLED
        return Saved(relative, digest, stat.S_IMODE(status.st_mode), _stamp(status) if settled else "")


def _stamp(status: os.stat_result) -> str:
    """Return what changes whenever a file is written: size, times, inode."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _copy(source: Path, target: Path) -> tuple[str, os.stat_result]:
    """Copy a file, hashed on the way; return the digest and what the file was when it was opened."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as copy:
        status = os.fstat(file.fileno())
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
            copy.write(block)
    return digest.hexdigest(), status


def _by_path(backup: Backup | None) -> dict[str, Saved]:
    return {} if backup is None else {item.path: item for item in backup.saved}


def _bytes_to_copy(prefix: Prefix, sources: Iterable[Path], former: Backup | None) -> int:
    known, total = _by_path(former), 0
    for path in sources:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        item = known.get(path.relative_to(prefix.root).as_posix())
        if stat.S_ISREG(status.st_mode) and (item is None or not item.stamp or item.stamp != _stamp(status)):
            total += status.st_size
    return total


def _demand_space(prefix: Prefix, sources: list[Path], former: Backup | None) -> None:
    demand_free(prefix, _bytes_to_copy(prefix, sources, former) + RESERVE)


def demand_free(prefix: Prefix, needed: int) -> None:
    """Raise HostError unless so many bytes are free."""
    free = shutil.disk_usage(prefix.root).free
    if free < needed:
        raise HostError(
            _("{path} lacks space for a copy of the data: {needed} needed, {free} free.").format(
                path=prefix.root, needed=human_bytes(needed), free=human_bytes(free)
            ),
            advice=_("Free space there, then run again."),
        )


def _newest(prefix: Prefix) -> Backup | None:
    found = list_backups(prefix)
    return found[-1] if found else None


def _check(backup: Backup, leave_out: Iterable[str] = ()) -> None:
    for item in backup.saved:
        path = backup.path / FILES / item.path
        if item.path in leave_out:
            continue
        try:
            if path.is_symlink():
                found = f"-> {os.readlink(path)}"
            else:
                found = FOLDER if path.is_dir() else sha256_file(path)[0]
        except OSError:
            found = ""
        if found != item.content:
            raise _damaged(path)


def _damaged(path: Path) -> HostError:
    return HostError(
        _("{path} of the backup is damaged.").format(path=path),
        advice=_("Nothing was changed; use another backup."),
    )
