"""Where a host installs: the folders of a prefix, its releases, and which one is current."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from bundle import strict
from bundle.manifest import MANIFEST_LIMIT, Manifest, parse_manifest
from bundle.manifest import NAME as MANIFEST_NAME
from installer.layout import own_command, placement
from shared import reading
from shared.errors import HostError, UsageError
from shared.files import files, folders
from shared.i18n import _

COMPLETE = "COMPLETE"
DISCARDED = "DISCARDED"  # what COMPLETE is renamed to: the same file, on which whoever runs the release has a lock
KEPT_UNFINISHED = 1000  # names
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
_RELEASE = re.compile(r"([0-9]+)-([0-9a-f]{12})-r([0-9]+)")


@dataclass(frozen=True)
class Release:
    """One immutable installed tree, ``releases/<counter>-<first 12 digits of the manifest's SHA-256>-r<N>``."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def order(self) -> tuple[int, str, int]:
        """What sorts releases from old to new."""
        matched = _RELEASE.fullmatch(self.id)
        assert matched is not None
        return int(matched[1]), matched[2], int(matched[3])

    @property
    def made_from(self) -> tuple[int, str]:
        """What identifies the version: repairs and repeated installations of one manifest have it in common."""
        return self.order[:2]

    @property
    def app(self) -> Path:
        return self.path / "app"

    @property
    def venv(self) -> Path:
        return self.path / "venv"

    @property
    def models(self) -> Path:
        return self.path / "models"

    @property
    def bundle(self) -> Path:
        return self.path / "bundle"

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def launch_file(self) -> Path:
        return self.path / "launch.py"

    @property
    def receipt_file(self) -> Path:
        return self.path / "receipt.json"

    @property
    def complete_file(self) -> Path:
        return self.path / COMPLETE

    @property
    def discarded_file(self) -> Path:
        return self.path / DISCARDED

    @property
    def is_complete(self) -> bool:
        return reading.is_regular(self.complete_file)

    @property
    def python(self) -> Path:
        """The interpreter of the release's virtual environment."""
        return self.venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def site_packages(self, python: str) -> Path:
        """Where packages lie, for the manifest's Python, for example 3.11."""
        return self.venv / ("Lib/site-packages" if sys.platform == "win32" else f"lib/python{python}/site-packages")

    def manifest(self) -> Manifest:
        """Return the signed manifest that the release was made from."""
        return parse_manifest(reading.read(self.bundle / MANIFEST_NAME, MANIFEST_LIMIT))


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
        kept = (self.data, self.env_file, self.backups, self.models, self.audit)
        return tuple(path for path in kept if os.path.lexists(path))

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
        if not _RELEASE.fullmatch(identifier):
            raise UsageError(
                _("{name} is not a release name.").format(name=identifier[:80]),
                advice=_("Run status to list the retained releases."),
            )
        return Release(self.releases / identifier)

    def all_releases(self) -> tuple[Release, ...]:
        """Return every release, whole or not; other things in the folder are not ours."""
        found = self.releases.iterdir() if self.releases.is_dir() else ()
        return tuple(Release(path) for path in found if _RELEASE.fullmatch(path.name))

    def complete_releases(self) -> tuple[Release, ...]:
        """Return the complete releases, the oldest first."""
        complete = (release for release in self.all_releases() if release.is_complete)
        return tuple(sorted(complete, key=lambda release: release.order))

    def new_release(self, counter: int, manifest_sha256: str) -> Release:
        """Return the release that the next installation of a manifest makes.

        The name of one that was not finished is not used again: something of that run may still write there.
        """
        start = f"{counter}-{manifest_sha256[:12]}-r"
        kept = [path.name for path in self.releases.glob(f"{start}*")]
        names = [name for name in (*kept, *self._unfinished()) if _RELEASE.fullmatch(name) and name.startswith(start)]
        return Release(self.releases / f"{start}{max((int(name[len(start) :]) for name in names), default=0) + 1}")

    def _unfinished(self) -> list[str]:
        try:
            return reading.read(self.unfinished, reading.LINES).decode("ascii").splitlines()
        except (OSError, ValueError):
            return []

    def forgo(self, release: Release) -> None:
        """Note a release that was begun and not finished; the newest thousand are retained."""
        names = [name for name in self._unfinished() if name != release.id][1 - KEPT_UNFINISHED :]
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
        if not isinstance(name, str) or not _RELEASE.fullmatch(name):
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


def is_release(name: str) -> bool:
    """Return whether an entry of PREFIX/releases has the name of a release."""
    return _RELEASE.fullmatch(name) is not None


def default_root() -> Path:
    """Return the folder that holds the prefixes of this user, as the platform has it."""
    return folders.user_data(folders.TOOL)


def prefix_at(named: Path) -> Prefix:
    """Return the prefix at a path, which may be a link; every command takes its prefix from here.

    Raises UsageError where the path cannot hold one, HostError where it is not the caller's to change.
    """
    prefix = Prefix(placement.real(named))
    placement.demand_own(named.absolute(), prefix.root, prefix.own_folders)
    return prefix


def find_prefix(named: Path | None, *, left: bool = False, bereft: bool = False) -> Prefix:
    """Return the prefix that a command means: the named one, the one of the available bundle, or the user's only one.

    With ``left`` one from which an installation was removed counts too, where there is no other, and with ``bereft``
    one that has lost its state, which recover makes anew.
    Whoever removed that of the available bundle never gets at another by calling again.
    Raises UsageError when several could be meant, HostError when there is none, or a folder of somebody else's.
    """
    if named is not None:
        return _named(named, left=left, bereft=bereft)
    root = default_root()
    if root.is_dir():
        placement.demand_own(root, root, ())
    seen = [Prefix(path) for path in sorted(root.iterdir())] if root.is_dir() else []
    if len(seen) > 1:
        product = own_command.bundled_product()
        seen = [prefix for prefix in seen if prefix.root.name == product and (prefix.exists or prefix.is_left)] or seen
    removed = [prefix for prefix in seen if prefix.is_left]
    found = [prefix for prefix in seen if prefix.exists or prefix.is_bereft] or (removed if left else [])
    if len(found) == 1:
        return _named(found[0].root, left=left, bereft=bereft)
    if not found and len(removed) == 1:
        raise _removed(removed[0])
    if not found:
        raise HostError(
            _("Nothing is installed for this user under {path}.").format(path=root),
            advice=_("Install first, or specify the folder of an installation with --prefix."),
        )
    raise UsageError(
        _("Several applications are installed: {names}.").format(names=", ".join(p.root.name for p in found)),
        advice=_("Specify one, for example --prefix {path}.").format(path=found[0].root),
    )


def _named(named: Path, *, left: bool, bereft: bool) -> Prefix:
    prefix = prefix_at(named)
    if prefix.is_bereft:
        if bereft:
            return prefix
        raise HostError(lost_state(prefix), advice=recover_advice(prefix))
    if prefix.is_left:
        if left:
            return prefix
        raise _removed(prefix)
    if not prefix.exists and os.path.lexists(prefix.state):
        raise HostError(
            _("{path} was not created by this installer.").format(path=prefix.root),
            advice=_("Specify the folder of an installation with --prefix."),
        )
    if not prefix.exists:
        raise HostError(
            _("{path}: nothing is installed there.").format(path=prefix.root),
            advice=_("Specify the folder of an installation with --prefix, or install one first."),
        )
    return prefix


def lost_state(prefix: Prefix) -> str:
    """Return what to say of a prefix that has lost its state."""
    return _("{path}, which belongs to the installation, is missing or not a folder.").format(path=prefix.state)


def recover_advice(prefix: Prefix) -> str:
    """Return how it comes back."""
    return _("Recreate it with: {command}").format(command=own_command.line("recover", prefix=prefix.root))


def _removed(prefix: Prefix) -> HostError:
    return HostError(
        _("{path}: nothing is installed there any more; remaining: {names}.").format(
            path=prefix.root, names=", ".join(path.relative_to(prefix.root).as_posix() for path in prefix.left)
        ),
        advice=_("Install again to use them, or remove them with uninstall --purge."),
    )
