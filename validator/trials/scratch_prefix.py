"""Creates the scratch prefix in which an application is tested.

It has the layout of a real prefix. Its launchers, its application and the files directly in its release are copies with
the permissions of the originals; the receipt and the COMPLETE mark are omitted. Persistent folders contain what the
source ships; the other folders of the release are links. Its .env is empty, so that a program that searches the parent
folders for one stops there.
If root installed for a service account, the scratch prefix belongs to that account: everything is written before
ownership is transferred, and root's later actions in it use the account's rights.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from installer.layout import seal, service_account
from installer.layout.prefix import Prefix
from installer.layout.release import Release
from installer.release.digests import longest
from installer.release.installation import Installation
from installer.userdata import copies, persist
from shared import reading, troubles
from shared.errors import ToolError
from shared.files import temp_folders, trees
from shared.i18n import _
from shared.programs import app_launcher
from validator.check import ERROR, SKIP, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.manifest import Manifest
    from shared.processes import process

STARTS = ("launch.py", "run.json")  # required to start anything
OF_THE_SEAL = ("receipt.json", "COMPLETE")  # a scratch prefix is not sealed
_scanned: list[tuple[Path, Manifest]] = []  # the last release that was found to contain only readable files


def require_files(installation: Installation) -> None:
    """Raise UncheckedError if a release contains special or oversized files, which a program could read forever.

    The result is cached, so that a run of checks scans the release once.
    """
    release, manifest = installation.release, installation.manifest
    if any(path == release.path and known is manifest for path, known in _scanned):
        return
    most = longest(manifest)
    for entry in trees.entries(str(release.path)):
        mode, size = (status := entry.stat(follow_symlinks=False)).st_mode, status.st_size
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)) or size > most or _is_device(entry):
            path = os.path.relpath(entry.path, release.path)
            raise UncheckedError(
                ERROR, _("the release was not started: {path} is a special file or too large").format(path=path)
            )
    _scanned[:] = [(release.path, manifest)]


def _is_device(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link to a device, a pipe or a socket."""
    if not entry.is_symlink():
        return False
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def caller(scratch: Installation) -> Path:
    """Return the working directory for programs in a scratch prefix, which may write reports into it."""
    return scratch.prefix.root / "caller"


@contextmanager
def create(installation: Installation) -> Iterator[Installation]:
    """Create a scratch prefix to test the application in.

    Raises ToolError if a file cannot be copied, UncheckedError if the release contains special or oversized files or
    the filesystem does not support links.
    """
    require_files(installation)
    account = service_account.account_of(installation.prefix.data)
    with _scratch_folder(installation.prefix, account) as root:
        prefix, name = Prefix(root), installation.release.path.resolve().name
        scratch = Installation(prefix, Release(prefix.releases / name), installation.manifest)
        try:
            _write_scratch(installation, scratch)
            service_account.give(root, account)
        except OSError as error:
            reported = troubles.words(error, near=root)
            what = _("the release cannot be tested: {reason}").format(reason=reported.what)
            raise ToolError(what, advice=reported.advice) from error
        yield scratch


@contextmanager
def _scratch_folder(prefix: Prefix, account: process.Account | None) -> Iterator[Path]:
    """Create a folder in PREFIX/state, where links work.

    For a service account, or a user who cannot write there, create a temporary folder elsewhere.
    """
    if account is None and os.access(prefix.state, os.W_OK | os.X_OK):
        with temp_folders.folder(prefix.state) as root:
            yield root
        return
    with temp_folders.scratch(account=account) as root:
        yield root


def _copy_small(source: Path, target: Path) -> None:
    """Copy a small file of a release, of at most RUN_LIMIT bytes."""
    target.write_bytes(reading.read(source, app_launcher.RUN_LIMIT))
    target.chmod(stat.S_IMODE(source.stat().st_mode))


def _write_scratch(installation: Installation, scratch: Installation) -> None:
    """Copy everything that a program could write to, and link the rest."""
    prefix, manifest, release = installation.prefix, installation.manifest, scratch.release
    installed = installation.release.path.resolve()
    theirs = {str(installed / "app" / folder) for folder in manifest.application.persist}

    release.path.mkdir(parents=True)
    copies.copy_tree(installed / "app", release.app, but=lambda entry: entry.path in theirs)
    for name in STARTS:
        _copy_small(installed / name, release.path / name)
    for path in installed.iterdir():
        if path.is_dir() and path.name != "app":
            _lead(release.path / path.name, path)
        elif reading.is_regular(path) and path.name not in (*STARTS, *OF_THE_SEAL):
            _copy_small(path, release.path / path.name)
    if manifest.application.models_apart and prefix.models.is_dir():
        _lead(scratch.prefix.models, prefix.models)
    persist.write_scratch(scratch.prefix.data, manifest, installation.store)
    _link_persistent(scratch)
    scratch.prefix.data.mkdir(exist_ok=True)
    scratch.prefix.env_file.touch()
    caller(scratch).mkdir()
    copies.copy_tree(prefix.bin, scratch.prefix.bin)
    scratch.prefix.set_current(release)


def _link_persistent(scratch: Installation) -> None:
    """Link the persistent folders; their parent folders get their read-only modes back afterwards.

    They are made writable first, because only root can create a link in the copy of a sealed folder.
    """
    release, manifest = scratch.release, scratch.manifest
    parents = {(release.app / folder).parent for folder in manifest.application.persist}
    modes = {parent: parent.stat().st_mode for parent in parents if parent.is_dir()}
    for parent in modes:
        parent.chmod(seal.OPEN)
    persist.link_to(release, manifest, scratch.prefix.data)
    for parent, mode in modes.items():
        parent.chmod(mode)


def _lead(place: Path, folder: Path) -> None:
    try:
        persist.lead(place, folder)
    except OSError as error:  # the installation itself may not need links
        reason = _("folders in {path} cannot be linked: {reason}")
        raise UncheckedError(SKIP, reason.format(path=place.parent, reason=troubles.reason(error))) from error
