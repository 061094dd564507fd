"""Backups of what is the user's: settings and data, copied with digests before every change.

``PREFIX/backups/<UTC time>-<reason>/`` holds ``files/`` and ``index.json``, which is written last
and read back; a folder without it is no backup.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from bootstrap import files, install, persist
from bootstrap.bundle import strict
from bootstrap.bundle.digest import BLOCK, sha256_file
from bootstrap.bundle.strict import Fields, refuse
from bootstrap.console import NoProgress
from bootstrap.errors import HostError, TrustError, UsageError
from bootstrap.i18n import _
from bootstrap.lockfile import locked
from bootstrap.prefix import Prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootstrap.console import Progress

FORMAT = 1
KEPT_BACKUPS = 5
INDEX, FILES = "index.json", "files"
LIMIT = 256 << 20  # bytes of an index
PATH_LIMIT = 3 * 4096  # characters of a quoted path
RESERVE = 16 << 20  # bytes left free beside a backup
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]{1,3})?-[a-z][a-z-]{0,31}")


@dataclass(frozen=True)
class Saved:
    """A file of a backup: its path in the prefix, and its SHA-256 or, for a link, ``-> target``."""

    path: str
    content: str
    mode: int


@dataclass(frozen=True)
class Backup:
    """What a backup holds, and which release was active when it was made."""

    path: Path
    created: str
    reason: str
    release: str | None
    saved: tuple[Saved, ...]

    @property
    def name(self) -> str:
        return self.path.name

    def to_bytes(self) -> bytes:
        return strict.dumps(
            {
                "format": FORMAT,
                "created": self.created,
                "reason": self.reason,
                "release": self.release,
                "files": [[_quoted(item.path), _quoted(item.content), item.mode] for item in self.saved],
            }
        )


class InstallationRecoveryManager:
    """Makes and restores backups of one installation.

    ``install_dir`` is the folder of the installation (the prefix). Raises HostError where nothing
    is installed, where there is no space, and for a backup that is damaged.
    """

    def __init__(self, install_dir: Path | str, progress: Progress | None = None) -> None:
        self.prefix = Prefix(Path(install_dir).absolute())
        self.progress = progress or NoProgress()
        if not self.prefix.exists:
            raise HostError(
                _("{path}: nothing is installed there.").format(path=self.prefix.root),
                advice=_("Name the folder of an installation."),
            )

    def create_backup(self, reason: str = "manual", *, also: Iterable[Path] = ()) -> Path:
        """Copy settings and data; return the backup's folder. The newest five are kept.

        ``also`` are other files below the prefix that go with them.
        """
        sources = [*self._sources(), *also]
        self._demand_space(sources)
        target = self._new_folder(reason)
        beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            beside.mkdir(mode=0o700)
            (beside / FILES).mkdir(mode=0o700)
            copies = (_save(path, self._relative(path), beside / FILES) for path in sources)
            saved = tuple(copy for copy in copies if copy is not None)
            active = self.prefix.active()
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            backup = Backup(beside, now, reason, active.id if active else None, saved)
            files.write_atomic(beside / INDEX, backup.to_bytes(), mode=0o600)
            _check(read_backup(beside))
            files.sync_filesystem(beside)
            os.replace(beside, target)
            files.sync_folder(self.prefix.backups)
        finally:
            files.remove_tree(beside)
        self._prune()
        return target

    def list_backups(self) -> list[Backup]:
        """Return the backups whose index can be read, the oldest first."""
        found = []
        for path in sorted(self.prefix.backups.iterdir()) if self.prefix.backups.is_dir() else ():
            if _NAME.fullmatch(path.name) and (path / INDEX).is_file():
                try:
                    found.append(read_backup(path))
                except (TrustError, OSError):
                    continue
        return found

    def restore(self, name: str) -> Path:
        """Make settings and data what a backup holds; return a backup of what they were until now.

        Everything in the backup is checked before anything is changed.
        """
        with locked(self.prefix.state / "lock"):
            return self._restore(self._find(name))

    def rollback(self) -> Path:
        """Go back to the newest backup: its release, its settings and its data.

        Returns a backup of what was there until now. Raises HostError when there is no backup or
        its release is gone, InstallError when the release does not work.
        """
        backups = self.list_backups()
        if not backups:
            raise HostError(
                _("{path} holds no backup.").format(path=self.prefix.backups),
                advice=_("Nothing was changed; go to a kept release with rollback."),
            )
        newest = backups[-1]
        active = self.prefix.active()
        if newest.release is not None and (active is None or active.id != newest.release):
            install.rollback(self.prefix, self.progress, to=newest.release)
        return self.restore(newest.name)

    def _find(self, name: str) -> Backup:
        backup = next((backup for backup in self.list_backups() if backup.name == name), None)
        if backup is None:
            known = ", ".join(backup.name for backup in self.list_backups()) or _("none")
            raise UsageError(
                _("{name} is not a backup of {path}.").format(name=name[:80], path=self.prefix.root),
                advice=_("There are: {names}.").format(names=known),
            )
        return backup

    def _restore(self, backup: Backup) -> Path:
        wanted = {item.path: item for item in backup.saved if _is_of_the_user(item.path)}
        _check(backup)
        before = self.create_backup("before-restore")
        for path in self._sources():
            if self._relative(path) not in wanted:
                path.unlink()
        for item in wanted.values():
            self._put_back(item, backup)
        files.sync_filesystem(self.prefix.data)
        return before

    def _put_back(self, item: Saved, backup: Backup) -> None:
        target, source = self.prefix.root / item.path, backup.path / FILES / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = self.prefix.data / persist.TEMPORARY.format(process=os.getpid())
        files.remove_tree(beside)
        if source.is_symlink():
            os.symlink(os.readlink(source), beside)
        else:
            shutil.copy2(source, beside)
            beside.chmod(item.mode)
        if target.is_dir() and not target.is_symlink():
            files.remove_tree(target)  # a folder where a file was; the backup made just now holds what was in it
        os.replace(beside, target)

    def _sources(self) -> Iterator[Path]:
        """Yield every file and link that is the user's."""
        if self.prefix.env_file.is_file() and not self.prefix.env_file.is_symlink():
            yield self.prefix.env_file
        for folder, folders, file_names in os.walk(self.prefix.data):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in sorted((*file_names, *links)):
                path = Path(folder, name)
                if path.is_symlink() or path.is_file():
                    yield path

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.prefix.root).as_posix()

    def _demand_space(self, sources: list[Path]) -> None:
        needed = sum(path.lstat().st_size for path in sources if os.path.lexists(path)) + RESERVE
        free = shutil.disk_usage(self.prefix.root).free
        if free < needed:
            raise HostError(
                _("{path} lacks space for a backup of the data: {needed} bytes needed, {free} free.").format(
                    path=self.prefix.root, needed=needed, free=free
                ),
                advice=_("Free space there, then run again."),
            )

    def _new_folder(self, reason: str) -> Path:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        candidates = [f"{stamp}-{reason}", *(f"{stamp}-{number}-{reason}" for number in range(1, 1000))]
        if not _NAME.fullmatch(candidates[0]):
            raise UsageError(_("{reason} is not a name for a backup.").format(reason=reason[:80]))
        self.prefix.backups.mkdir(mode=0o700, exist_ok=True)
        taken = {path.name for path in self.prefix.backups.iterdir()}
        return self.prefix.backups / next(name for name in candidates if name not in taken)

    def _prune(self) -> None:
        for backup in self.list_backups()[:-KEPT_BACKUPS]:
            files.remove_tree(backup.path)
        for path in self.prefix.backups.glob(".*.tmp"):
            files.remove_tree(path)


def _is_of_the_user(path: str) -> bool:
    return path == ".env" or path.startswith("data/")


def _save(path: Path, relative: str, folder: Path) -> Saved | None:
    """Copy one file into a backup, hashed on the way; its times stay. None when it has gone meanwhile."""
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.is_symlink():
        os.symlink(os.readlink(path), target)
        return Saved(relative, f"-> {os.readlink(path)}", 0)
    digest = hashlib.sha256()
    try:
        source = path.open("rb")
    except FileNotFoundError:
        return None  # a running application removes its temporary files
    with source, target.open("xb") as copy:
        status = os.fstat(source.fileno())
        for block in iter(lambda: source.read(BLOCK), b""):
            digest.update(block)
            copy.write(block)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return Saved(relative, digest.hexdigest(), stat.S_IMODE(status.st_mode))


def _quoted(text: str) -> str:
    """Return a path as text that JSON takes whatever bytes it has (RFC 3986, 2.1)."""
    return quote(os.fsencode(text), safe="/ ->_.~")


def _check(backup: Backup) -> None:
    """Raise HostError unless every file of a backup is what its index says."""
    for item in backup.saved:
        path = backup.path / FILES / item.path
        try:
            found = f"-> {os.readlink(path)}" if path.is_symlink() else sha256_file(path)[0]
        except OSError:
            found = ""
        if found != item.content:
            raise HostError(
                _("{path} of the backup is damaged.").format(path=path),
                advice=_("Nothing was changed; use another backup."),
            )


def read_backup(folder: Path) -> Backup:
    """Return what a backup's index says. Raises TrustError for one that breaks its rules, OSError for none."""
    fields = Fields(strict.loads((folder / INDEX).read_bytes(), INDEX, limit=LIMIT), INDEX)
    fields.integer("format", least=FORMAT, most=FORMAT)
    backup = Backup(
        path=folder,
        created=fields.text("created"),
        reason=fields.text("reason"),
        release=fields.optional_text("release"),
        saved=fields.items("files", _saved, most=2_000_000),
    )
    fields.done()
    return backup


def _saved(value: Any, path: str) -> Saved:
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[2], int) or not 0 <= value[2] <= 0o7777:
        raise refuse(path, _("not [path, content, mode]"))
    name, content = (
        os.fsdecode(unquote_to_bytes(Fields.check_text(part, path, limit=PATH_LIMIT))) for part in value[:2]
    )
    saved = Saved(name, content, value[2])
    if any(part in ("", ".", "..") for part in saved.path.split("/")) or "\\" in saved.path:
        raise refuse(path, _("leads out of the prefix"))
    return saved
