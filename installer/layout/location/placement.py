"""Check that a path can hold an installation and that the right user owns it, before anything in it is opened.

Root changes nothing in a folder that another user owns or could change: it would run that user's programs, and
leave files there that the user cannot change (docs/adr/0022). The data and settings may belong to a service account.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from shared import troubles
from shared.errors import HostError, UsageError
from shared.files import owners
from shared.i18n import _
from shared.terminal.console import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSEEN = ("Cc", "Zl", "Zp")  # general categories of Unicode: characters that end a line or control a terminal
SHARE_INSIDE = 4  # the tool's own paths below a prefix take at most a quarter of the maximum path length


def require_working_folder() -> None:
    """Raise HostError if the working folder no longer exists: relative paths would have no meaning."""
    try:
        os.getcwd()
    except OSError as error:
        raise HostError(
            _("The working folder cannot be used: {reason}.").format(reason=troubles.reason(error)),
            advice=_("Change to another folder, for example with `cd /`, then run the same command again."),
        ) from error


def real(named: Path) -> Path:
    """Return the folder that a path, which may be a link, refers to. Raises UsageError if it cannot be used."""
    require_working_folder()
    root = named.absolute()
    for path in (root, Path(os.path.realpath(root))):
        reason = "" if sys.platform == "win32" else _unusable(path)
        if reason:
            raise UsageError(
                _("{path} cannot be used as an installation folder: {reason}.").format(
                    path=sentence(str(path)), reason=reason
                ),
                advice=_("Specify another folder with --prefix."),
            )
    return Path(os.path.realpath(root)) if root.is_symlink() else root


def _unusable(path: Path) -> str:
    """Return the reason why no application could be installed or run below a path, or ''."""
    raw, text = os.fsencode(path), str(path)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return _("its name is not UTF-8")
    if any(unicodedata.category(character) in UNSEEN for character in text):
        return _("its name contains a newline or another control character")
    if os.pathsep in text:
        return _("its name contains {character}, which separates paths in PATH and PYTHONPATH").format(
            character=os.pathsep
        )
    longest, most = max(map(len, raw.split(b"/"))), _limit("PC_NAME_MAX", 255)
    if longest > most:
        return _("a name in it has {length} bytes; the limit is {most}").format(length=longest, most=most)
    whole = _limit("PC_PATH_MAX", 4096)
    most = whole - whole // SHARE_INSIDE
    if len(raw) > most:
        return _("it has {length} bytes; at most {most} leave room for the files inside").format(
            length=len(raw), most=most
        )
    return "" if not path.is_symlink() or path.exists() or _leads_on(path) else _("its links form a loop")


def _leads_on(path: Path) -> bool:
    try:
        list(owners.chain(str(path)))
    except OSError:
        return False
    return True


def _limit(name: str, otherwise: int) -> int:
    try:
        return os.pathconf("/", name)
    except (OSError, ValueError):
        return otherwise


def require_own(named: Path, root: Path, folders: Iterable[Path]) -> None:
    """Raise HostError unless the caller owns an installation and, for root, no other user can replace it.

    ``named`` is the path as given, ``root`` the resolved folder, ``folders`` those in it that the tool writes to.
    """
    if sys.platform == "win32":
        return
    user = os.geteuid()
    users = owners.trusted() if user == 0 else {user}
    for folder in (root, *folders):
        try:
            status = os.lstat(folder)
        except OSError:
            continue  # it is missing, or the code that needs it reports the error
        if status.st_uid not in (users | owners.trusted() if folder == root else users):
            is_inside = folder != root and root.stat().st_uid in users
            raise _strayed(folder, status.st_uid) if is_inside else _foreign(folder, status.st_uid)
        if user == 0 and owners.problem(status, users) == owners.OPEN:
            raise _open(folder)
    if user == 0:
        _require_way(named)


def _require_way(named: Path) -> None:
    try:
        place, found = owners.first_problem(str(named))
    except OSError as error:
        raise troubles.trouble(error, near=named) from error
    if found == owners.FOREIGN:
        raise _foreign(Path(place), os.lstat(place).st_uid)
    if found:
        raise _open(Path(place))


def _foreign(place: Path, owner: int) -> HostError:
    owner_name = name_of(owner)
    if os.geteuid() == 0:
        what = _(
            "{path} belongs to {owner}: root would run what that user can change, and leave root-owned files in it."
        )
        advice = _(
            "Run the same command as that user (`sudo -u {owner} …`), or specify a folder owned by root with --prefix."
        )
    else:
        what = _("{path} belongs to {owner}: only its owner can change or inspect the installation.")
        advice = _("Run the same command as that user (`sudo -u {owner} …`), or specify another folder with --prefix.")
    return HostError(what.format(path=place, owner=owner_name), advice=advice.format(owner=_for_sudo(owner)))


def _strayed(place: Path, owner: int) -> HostError:
    """Return the error for a folder in the caller's own installation that another user owns."""
    return HostError(
        _("{path} belongs to {owner}, but the installation around it does not.").format(
            path=place, owner=name_of(owner)
        ),
        advice=_(
            "Check who changed its owner, then change it back (`sudo chown {user} {path}`) and run recover."
        ).format(user=name_of(os.geteuid()), path=place),
    )


def _open(place: Path) -> HostError:
    return HostError(
        _("Other users can write to {path} and replace what root runs.").format(path=place),
        advice=_("Remove that permission (`chmod go-w {path}`), or specify another folder with --prefix.").format(
            path=place
        ),
    )


def name_of(user: int) -> str:
    """Return a user's name, or the user ID if the host has no name for it."""
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _for_sudo(user: int) -> str:
    name = name_of(user)
    return name if name != str(user) else f"'#{user}'"
