"""The scratch prefix in which an application is tried.

It is laid out as a real one: its launchers, launch.py and application are copies, as read-only as what they are copies
of; the persistent folders hold what the source ships, everything else of the release is a link. Its .env is empty, so
that a program that looks for one in the folders above ends its search there.

Where root has installed for a service account, the scratch prefix is that account's: all is written before it is given,
and what root still does in it is done with the account's rights.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from installer.layout import seal, service
from installer.layout.prefix import Prefix
from installer.layout.release import Release
from installer.release.digests import longest
from installer.release.installation import Installation
from installer.userdata import copies, persist
from shared import reading, troubles
from shared.errors import ToolError
from shared.files import trees, trials
from shared.i18n import _
from shared.programs import app_launcher
from validator.check import ERROR, SKIP, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.manifest import Manifest
    from shared.processes import process

STARTS = ("launch.py", "run.json")  # without them nothing can be tried
OF_THE_SEAL = ("receipt.json", "COMPLETE")  # nothing is sealed here
_scanned: list[tuple[Path, Manifest]] = []  # the last one that holds nothing but what can be read


def require_files(installation: Installation) -> None:
    """Raise UncheckedError where a release holds what no program can read to its end: then none is started.

    A run of checks reads the manifest once, and scans the release once.
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
                ERROR, _("the release is not started: {path} is a special file or too large").format(path=path)
            )
    _scanned[:] = [(release.path, manifest)]


def _is_device(entry: os.DirEntry[str]) -> bool:
    """Return whether a link leads to a device, a pipe or a socket."""
    if not entry.is_symlink():
        return False
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def caller(scratch: Installation) -> Path:
    """Return the folder of a scratch prefix for whoever calls: programs write reports where they are called."""
    return scratch.prefix.root / "caller"


@contextmanager
def create(installation: Installation) -> Iterator[Installation]:
    """Lay out a prefix to try the application in, beside the state of the real one where that can be written.

    Raises ToolError when what it takes is not there, UncheckedError where the filesystem makes no links.
    """
    require_files(installation)
    account = service.account_of(installation.prefix.data)
    with _scratch_folder(installation.prefix, account) as root:
        prefix, name = Prefix(root), installation.release.path.resolve().name
        scratch = Installation(prefix, Release(prefix.releases / name), installation.manifest)
        try:
            _write_scratch(installation, scratch)
            service.give(root, account)
        except OSError as error:
            reported = troubles.words(error, near=root)
            what = _("the release cannot be tried: {reason}").format(reason=reported.what)
            raise ToolError(what, advice=reported.advice) from error
        yield scratch


@contextmanager
def _scratch_folder(prefix: Prefix, account: process.Account | None) -> Iterator[Path]:
    """Make a folder beside the state, for the sake of links, or elsewhere for an account, or one who may only look."""
    if account is None and os.access(prefix.state, os.W_OK | os.X_OK):
        with trials.folder(prefix.state) as root:
            yield root
        return
    with trials.scratch(account=account) as root:
        yield root


def _copy_small(source: Path, target: Path) -> None:
    """Copy a file that is in a release itself, as long as such a file may be."""
    target.write_bytes(reading.read(source, app_launcher.RUN_LIMIT))
    target.chmod(stat.S_IMODE(source.stat().st_mode))


def _write_scratch(installation: Installation, scratch: Installation) -> None:
    """Copy what a program could write into, lead to the rest."""
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
    scratch.prefix.point_at(release)


def _link_persistent(scratch: Installation) -> None:
    """Link the persistent folders; the folders that take the links are as read-only afterwards as they were.

    The copy of a sealed folder takes no link, except from root.
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
    except OSError as error:  # the installation itself may do without
        reason = _("folders in {path} cannot be linked: {reason}")
        raise UncheckedError(SKIP, reason.format(path=place.parent, reason=troubles.reason(error))) from error
