"""Where a host installs: the folders of a prefix, its releases, and which one is current."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from bundle import strict
from installer.layout.release import Release, is_release
from shared import reading
from shared.errors import UsageError
from shared.files import files
from shared.i18n import _

RETAINED_UNFINISHED = 1000  # names
SHARED, PRIVATE = 0o755, 0o700  # what every user of the host may read and run, and what is one's own
# what is in a prefix and in its state, apart from what somebody put there
OURS = ("releases", "store", "data", ".env", "state", "backups", "current", "current.json", "bin", "models")
OF_STATE = (
    *("lock", "logs", "audit", "journal.json", "previous", "unfinished", "trust", "proofs", "advisories"),
    "measurements.json",
)
MOVED = "current.moved-"  # and a release's identifier: what stood in the place of the link to it
TEMPORARY = (".ragtrace-", ".current.", "..env.")
OF_STATE_FOR_NOW = re.compile(r"\.trial-.*|\..*\.tmp|\.ragtrace-.*")


@dataclass(frozen=True)
class Prefix:
    """The folders of one installation. Data and ``.env`` are the user's and never inside a release."""

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
    def unfinished(self) -> Path:
        return self.state / "unfinished"

    @property
    def models(self) -> Path:
        """The models that the user copied here, where the bundle has none: they are the user's."""
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
        """The folder itself and those in it that a run writes into."""
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
        """The folders that are the tool's own: whoever runs the application needs no right to write there."""
        return (self.state, self.logs, self.audit, self.releases, self.store.parent, self.store, self.bin, self.backups)

    @property
    def audit(self) -> Path:
        return self.state / "audit"

    @property
    def is_left(self) -> bool:
        """Whether an installation was removed from here: of its state nothing is left but the audit log."""
        if self.state.is_symlink() or not self.state.is_dir() or os.path.lexists(self.current) or self.all_releases():
            return False
        return [path.name for path in self.state.iterdir() if is_of_state(path)] == [self.audit.name]

    @property
    def left(self) -> tuple[Path, ...]:
        """What a removal leaves: the user's data, settings, backups and models, and the audit log."""
        stored = (self.data, self.env_file, self.backups, self.models, self.audit)
        return tuple(path for path in stored if os.path.lexists(path))

    @property
    def exists(self) -> bool:
        """Whether this folder is a prefix of ours, be it one that is just being made or removed.

        A folder ``state`` with our lock and logs shows it, or that there is nothing but what we make.
        """
        if self.state.is_symlink() or not self.state.is_dir() or self.is_left:
            return False
        if ((self.state / "lock").is_file() and self.logs.is_dir()) or self.holds_release:
            return True
        return all(map(is_ours, self.root.iterdir())) and all(map(is_of_state, self.state.iterdir()))

    @property
    def holds_release(self) -> bool:
        """Whether a sealed release lies here, which nobody but an installer makes."""
        return any(release.is_complete and reading.is_regular(release.receipt_file) for release in self.all_releases())

    @property
    def is_bereft(self) -> bool:
        """Whether releases of ours lie here, and the folder ``state`` that goes with them does not."""
        return not reading.is_folder(self.state) and self.holds_release

    def make(self) -> None:
        """Create the folders that every command needs, whatever the umask; what is the user's own stays private.

        Who made one before us has given it a mode; only the right of others to write in the tool's own is taken away.
        """
        self.root.parent.mkdir(parents=True, exist_ok=True)
        _make_folder(self.root, SHARED)
        # state first, and on the disk: it shows that the rest is ours, should we be stopped here
        made = not os.path.lexists(self.state)
        _make_folder(self.state, PRIVATE)
        if made:
            files.sync_folder(self.root)
        for folder in (self.logs, self.backups, self.data):
            _make_folder(folder, PRIVATE)
        for folder in (self.releases, self.store.parent, self.store, self.bin):
            _make_folder(folder, SHARED)
        for folder in self.own_folders:
            files.close_to_others(folder)

    def release(self, identifier: str) -> Release:
        """Return a release by its identifier, whether or not it is there."""
        if not is_release(identifier):
            raise UsageError(
                _("{name} is not a release name.").format(name=identifier[:80]),
                advice=_("Run status to list the retained releases."),
            )
        return Release(self.releases / identifier)

    def all_releases(self) -> tuple[Release, ...]:
        """Return every release, whole or not; other things in the folder are not ours."""
        found = self.releases.iterdir() if self.releases.is_dir() else ()
        return tuple(Release(path) for path in found if is_release(path.name))

    def complete_releases(self) -> tuple[Release, ...]:
        """Return the complete releases, the oldest first."""
        complete = (release for release in self.all_releases() if release.is_complete)
        return tuple(sorted(complete, key=lambda release: release.order))

    def new_release(self, counter: int, manifest_sha256: str) -> Release:
        """Return the release that the next installation of a manifest makes.

        The name of one that was not finished is not used again: something of that run may still write there.
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

    def forgo(self, release: Release) -> None:
        """Note a release that was begun and not finished; the newest thousand are retained."""
        names = [name for name in self._unfinished() if name != release.id][1 - RETAINED_UNFINISHED :]
        files.write_atomic(self.unfinished, "".join(f"{name}\n" for name in (*names, release.id)).encode())

    def named(self) -> Release | None:
        """Return the release that ``current`` names, whole or not, or None when it names none."""
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
        """Return the release that ``current`` names, or None when it names none that is complete."""
        release = self.named()
        return release if release is not None and release.is_complete else None

    def point_at(self, release: Release) -> None:
        """Make a release the current one, at once and for good: this is the commit point."""
        if self.current.is_dir() and not files.is_link(self.current):
            # somebody's folder in its place, as a copy that follows links makes one, is not ours to delete
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
    """Return whether an entry of a prefix has a name of ours."""
    return path.name in OURS or path.name.startswith(TEMPORARY)


def is_of_state(path: Path) -> bool:
    """Return whether an entry of PREFIX/state has a name of ours."""
    return path.name in OF_STATE or OF_STATE_FOR_NOW.fullmatch(path.name) is not None
