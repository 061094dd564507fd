"""Find the prefix that a command uses: the one given, that of the available bundle, or the user's only one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from installer.layout.location import own_command, placement
from installer.layout.prefix import Prefix
from shared.errors import HostError, UsageError
from shared.files import folders
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path


def default_root() -> Path:
    """Return the folder for this user's prefixes, by the platform's conventions."""
    return folders.user_data(folders.TOOL)


def prefix_at(named: Path) -> Prefix:
    """Return the prefix at a path, which may be a link; every command gets its prefix from this function.

    Raises UsageError if the path cannot hold a prefix, HostError if the caller may not change it.
    """
    prefix = Prefix(placement.real(named))
    placement.require_own(named.absolute(), prefix.root, prefix.own_folders)
    return prefix


def find_prefix(named: Path | None, *, allow_uninstalled: bool = False, allow_lost_state: bool = False) -> Prefix:
    """Return the prefix that a command uses: the one given, that of the available bundle, or the user's only one.

    With ``allow_uninstalled``, a prefix from which an installation was removed counts too if there is no other; with
    ``allow_lost_state``, so does one that has lost its state, which recover rebuilds. Once the prefix of the
    available bundle has been removed, repeating the command never selects another one.
    Raises UsageError if several are possible, HostError if there is none, if its installation was removed or lost its
    state and that is not allowed, or if another user owns the folder.
    """
    if named is not None:
        return _named(named, allow_uninstalled=allow_uninstalled, allow_lost_state=allow_lost_state)
    root = default_root()
    if root.is_dir():
        placement.require_own(root, root, ())
    seen = [Prefix(path) for path in sorted(root.iterdir())] if root.is_dir() else []
    if len(seen) > 1:
        product = own_command.bundled_product()
        seen = [prefix for prefix in seen if prefix.root.name == product and (prefix.exists or prefix.is_left)] or seen
    removed = [prefix for prefix in seen if prefix.is_left]
    found = [prefix for prefix in seen if prefix.exists or prefix.has_lost_state] or (
        removed if allow_uninstalled else []
    )
    if len(found) == 1:
        return _named(found[0].root, allow_uninstalled=allow_uninstalled, allow_lost_state=allow_lost_state)
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


def _named(named: Path, *, allow_uninstalled: bool, allow_lost_state: bool) -> Prefix:
    prefix = prefix_at(named)
    if prefix.has_lost_state:
        if allow_lost_state:
            return prefix
        raise HostError(lost_state(prefix), advice=recover_advice(prefix))
    if prefix.is_left:
        if allow_uninstalled:
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
    """Return the error message for a prefix that has lost its state."""
    return _("{path}, which belongs to the installation, is missing or not a folder.").format(path=prefix.state)


def recover_advice(prefix: Prefix) -> str:
    """Return the advice to rebuild the state of a prefix with recover."""
    return _("Recreate it with: {command}").format(command=own_command.line("recover", prefix=prefix.root))


def _removed(prefix: Prefix) -> HostError:
    return HostError(
        _("{path}: nothing is installed there any more; remaining: {names}.").format(
            path=prefix.root, names=", ".join(path.relative_to(prefix.root).as_posix() for path in prefix.left)
        ),
        advice=_("Install again to use them, or remove them with `uninstall --purge`."),
    )
