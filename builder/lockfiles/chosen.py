"""Which file locks the packages of a build: the one that is named, or the one of the project's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.lockfiles import foreign, pylock_file, uv_lock
from builder.lockfiles.pylock_file import PylockFile
from builder.lockfiles.requirements import RequirementsFile
from builder.lockfiles.script_lock import ScriptLock
from builder.lockfiles.uv_lock import UvLock
from builder.lockfiles.workspace import find_workspace
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from builder.lock.lockfile import Lockfile


@dataclass(frozen=True)
class Named:
    """The user's choice of lockfile: its path, or that of a script, and whether it is used without comparison.

    ``offline`` forbids the network; ``packages`` are members of a workspace.
    """

    lock: Path | None = None
    script: Path | None = None
    frozen: bool = False
    offline: bool = False
    packages: tuple[str, ...] = ()


def lockfile_of(root: Path, named: Named) -> Lockfile:
    """Return the lockfile of a build: of the script, or the file named, or of the project folder.

    Raises UsageError or BuildError if the file is not a lockfile that can be read, or the options contradict each
    other.
    """
    if named.lock and named.script:
        raise UsageError(_("--lock and --script cannot be combined."), advice=_("Specify one of them."))
    if named.packages and (named.lock or named.script):
        raise UsageError(
            _("--package selects from the uv.lock of a workspace."), advice=_("Omit --lock and --script, or --package.")
        )
    if named.script:
        return ScriptLock(_inside(root, named.script), root, named.frozen)
    path = named.lock.resolve() if named.lock else _of_folder(root)
    if path.name == uv_lock.NAME:
        return _of_project(root, path, named)
    if path.name in foreign.CONVERTED:
        raise foreign.unsupported(path)
    if not path.is_file():
        raise UsageError(_("{file} is not a file.").format(file=path), advice=_("Specify another one with --lock."))
    if named.frozen:
        raise UsageError(
            _("{file} is always used as it is.").format(file=path.name),
            advice=_("Omit --frozen, which is for uv.lock and the lockfiles of scripts."),
        )
    if pylock_file.NAMED.fullmatch(path.name):
        return PylockFile(path, root)
    if path.suffix == ".txt":
        return RequirementsFile(path, root, named.offline)
    raise UsageError(
        _("{file} is not a lockfile that the builder can read.").format(file=path),
        advice=_("Specify uv.lock, pylock.toml or a requirements.txt with digests, or a script with --script."),
    )


def _of_project(root: Path, path: Path, named: Named) -> UvLock:
    if path.parent != root:
        raise UsageError(
            _("{file} is not the lockfile of {folder}.").format(file=path, folder=root),
            advice=_("Omit --lock: the project's uv.lock is found automatically."),
        )
    try:
        return UvLock(find_workspace(root, named.packages), named.frozen)
    except UsageError:
        foreign.require_uv_lock(root)
        raise


def _inside(root: Path, script: Path) -> Path:
    path = script.resolve()
    if not path.is_file():
        raise UsageError(
            _("{file} is not a file.").format(file=script), advice=_("Specify an existing script with --script.")
        )
    if not path.is_relative_to(root):
        raise UsageError(
            _("{script} is not in the project folder {folder}.").format(script=path, folder=root),
            advice=_("Specify a folder that contains it with --project-root, or omit that option."),
        )
    return path


def _of_folder(root: Path) -> Path:
    """Return the lockfile of a project's folder: uv.lock, unless the folder has pylock.toml alone."""
    other = root / pylock_file.NAME
    return other if other.is_file() and not (root / uv_lock.NAME).is_file() else root / uv_lock.NAME
