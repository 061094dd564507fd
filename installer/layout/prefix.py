"""The prefix of an installation: its folders, its releases, and the active one."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bundle import strict
from installer.layout.release import Release, is_release
from shared import reading
from shared.errors import UsageError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from bundle.opening import Bundle

RETAINED_UNFINISHED = 1000  # names of releases
SHARED, PRIVATE = 0o755, 0o700  # for every user of the host to read and run, and for the owner alone
# the names that this tool uses in a prefix and in its state
OURS = ("releases", "store", "data", ".env", "state", "backups", "current", "current.json", "bin", "models")
OF_STATE = (
    *("lock", "logs", "audit", "journal.json", "previous", "unfinished", "trust", "proofs", "advisories"),
    *("measurements.json", "identity.json", "schedule", "statements"),
)
MOVED = "current.moved-"  # plus a release's identifier: a folder found where the link to that release belongs
TEMPORARY = (".ragtrace-", ".current.", "..env.")
TEMPORARY_PATTERNS = (".ragtrace-*", ".current.*.tmp", "..env.*.tmp")
OF_STATE_FOR_NOW = re.compile(r"\.trial-.*|\..*\.tmp|\.ragtrace-.*")


@dataclass(frozen=True)
class Prefix:
    """The folders of one installation; data and ``.env`` belong to the user and are never inside a release."""

    root: Path

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def store(self) -> Path:
        return self.root / "store" / "sha256"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def trust(self) -> Path:
        return self.state / "trust"

    @property
    def lock_file(self) -> Path:
        """What a run that changes the installation holds a lock on."""
        return self.state / "lock"

    @property
    def previous_file(self) -> Path:
        """The name of the previous version (installer/change/retention.py)."""
        return self.state / "previous"

    @property
    def unfinished(self) -> Path:
        """The names of releases that are not used again."""
        return self.state / "unfinished"

    @property
    def models(self) -> Path:
        """The models that the user copied here if the bundle does not contain them; they belong to the user."""
        return self.root / "models"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def current(self) -> Path:
        return self.root / ("current.json" if sys.platform == "win32" else "current")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The root and the folders in it that a run writes to."""
        return (
            self.root,
            self.state,
            self.releases,
            self.store,
            self.bin,
            self.data,
            self.backups,
        )

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """The tool's own folders: users of the application need no permission to write to them."""
        return (self.state, self.logs, self.audit, self.releases, self.store.parent, self.store, self.bin, self.backups)

    @property
    def audit(self) -> Path:
        return self.state / "audit"

    @property
    def is_left(self) -> bool:
        """Whether an installation was removed from here: only the audit log is left of its state."""
        if self.state.is_symlink() or not self.state.is_dir() or os.path.lexists(self.current) or self.all_releases():
            return False
        return [path.name for path in self.state.iterdir() if is_of_state(path)] == [self.audit.name]

    @property
    def left(self) -> tuple[Path, ...]:
        """The existing paths that an uninstallation leaves: data, settings, backups, models and the audit log."""
        stored = (self.data, self.env_file, self.backups, self.models, self.audit)
        return tuple(path for path in stored if os.path.lexists(path))

    @property
    def exists(self) -> bool:
        """Whether this folder is a prefix of this tool, even one that is being created or removed.

        It is one if ``state`` has the tool's lock and logs, if it holds a sealed release, or if all names in it are the
        tool's.
        """
        if self.state.is_symlink() or not self.state.is_dir() or self.is_left:
            return False
        if (self.lock_file.is_file() and self.logs.is_dir()) or self.holds_release:
            return True
        return all(map(is_ours, self.root.iterdir())) and all(map(is_of_state, self.state.iterdir()))

    @property
    def holds_release(self) -> bool:
        """Whether a sealed release exists here, which only an installer creates."""
        return any(release.is_complete and reading.is_regular(release.receipt_file) for release in self.all_releases())

    @property
    def has_lost_state(self) -> bool:
        """Whether sealed releases exist here but their folder ``state`` does not."""
        return not reading.is_folder(self.state) and self.holds_release

    def mode_of(self, folder: Path) -> int:
        """Return the mode of a new folder of a prefix."""
        private = (self.state, self.logs, self.audit, self.backups, self.data)
        return PRIVATE if folder in private else SHARED

    def make(self) -> None:
        """Create the folders that every command needs, regardless of the umask; the user's folders are private.

        A folder that already exists keeps its mode, except that other users lose write permission on the tool's own.
        """
        self.root.parent.mkdir(parents=True, exist_ok=True)
        _make_folder(self.root, SHARED)
        # state first, and synced: if this run is interrupted, it shows that the rest belongs to this tool
        made = not os.path.lexists(self.state)
        _make_folder(self.state, PRIVATE)
        if made:
            files.sync_folder(self.root)
        for folder in (self.logs, self.backups, self.data, self.releases, self.store.parent, self.store, self.bin):
            _make_folder(folder, self.mode_of(folder))
        for folder in self.own_folders:
            files.close_to_others(folder)

    @property
    def temporary(self) -> list[Path]:
        """The temporary files and folders of this tool that lie directly in the root."""
        return [path for pattern in TEMPORARY_PATTERNS for path in self.root.glob(pattern)]

    def release(self, identifier: str) -> Release:
        """Return a release by its identifier, whether or not it exists."""
        if not is_release(identifier):
            raise UsageError(
                _("{name} is not a release name.").format(name=identifier[:80]),
                advice=_("Run status to list the retained releases."),
            )
        return Release(self.releases / identifier)

    def all_releases(self) -> tuple[Release, ...]:
        """Return every release, complete or not; other entries of the folder are ignored."""
        found = self.releases.iterdir() if self.releases.is_dir() else ()
        return tuple(Release(path) for path in found if is_release(path.name))

    def complete_releases(self) -> tuple[Release, ...]:
        """Return the complete releases, the oldest first."""
        complete = (release for release in self.all_releases() if release.is_complete)
        return tuple(sorted(complete, key=lambda release: release.order))

    def new_release(self, counter: int, manifest_sha256: str) -> Release:
        """Return the release that the next installation of a manifest creates.

        The name of an unfinished release is not used again, because a process of the interrupted run may still write
        there; nor that of a damaged release that was replaced, because the audit log has its receipt.
        """
        start = f"{counter}-{manifest_sha256[:12]}-r"
        stored = [path.name for path in self.releases.glob(f"{start}*")]
        names = [name for name in (*stored, *self._unfinished()) if is_release(name) and name.startswith(start)]
        return Release(self.releases / f"{start}{max((int(name[len(start) :]) for name in names), default=0) + 1}")

    def _unfinished(self) -> list[str]:
        try:
            return reading.read(self.unfinished, reading.LINES).decode("ascii").splitlines()
        except (OSError, ValueError):
            return []

    def coming(self, bundle: Bundle) -> Release:
        """Return the release that the next installation of a bundle creates."""
        return self.new_release(bundle.manifest.product.counter, bundle.manifest_sha256)

    def retire_name(self, release: Release) -> None:
        """Record the name of a release so that it is not used again; the newest thousand are retained."""
        names = [name for name in self._unfinished() if name != release.id][1 - RETAINED_UNFINISHED :]
        files.write_atomic(self.unfinished, "".join(f"{name}\n" for name in (*names, release.id)).encode())

    def named(self) -> Release | None:
        """Return the release that ``current`` names, complete or not, or None if it names none."""
        try:
            if sys.platform == "win32":
                name = strict.parse(reading.read(self.current, reading.LINES))["release"]
            else:
                name = Path(os.readlink(self.current)).name
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not isinstance(name, str) or not is_release(name):
            return None
        return Release(self.releases / name)

    def active(self) -> Release | None:
        """Return the release that ``current`` names, or None if it names none or one that is not complete."""
        release = self.named()
        return release if release is not None and release.is_complete else None

    def set_current(self, release: Release) -> None:
        """Make a release the current one, atomically and synced to the disk: this is the commit point."""
        if self.current.is_dir() and not files.is_link(self.current):
            # a folder found here, such as a copy that followed the link, may be the user's: it is renamed
            self.current.rename(self.root / f"{MOVED}{release.id}")
        if sys.platform == "win32":
            files.write_atomic(self.current, json.dumps({"release": release.id}).encode() + b"\n")
            return
        beside = self.root / f".current.{os.getpid()}.tmp"
        if os.path.lexists(beside):
            beside.unlink()
        os.symlink(os.path.join("releases", release.id), beside)
        os.replace(beside, self.current)
        files.sync_folder(self.root)


def _make_folder(folder: Path, mode: int) -> None:
    if not folder.is_dir():
        folder.mkdir()
        if sys.platform != "win32":
            folder.chmod(mode)


def is_ours(path: Path) -> bool:
    """Return whether an entry of a prefix has a name that this tool uses."""
    return path.name in OURS or path.name.startswith(TEMPORARY)


def is_of_state(path: Path) -> bool:
    """Return whether an entry of PREFIX/state has a name that this tool uses."""
    return path.name in OF_STATE or OF_STATE_FOR_NOW.fullmatch(path.name) is not None
