"""Permissions: no other user can read the settings or change the programs that run."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from installer.layout import rights, service_account
from shared import troubles, windows
from shared.files import files
from shared.i18n import _
from shared.programs import app_launcher
from validator.check import ERROR, RECOVER, SECURITY, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from validator.subject import Subject

# Everyone, Authenticated Users, Users: by SID, because Windows translates their names
EVERYBODY = "*S-1-1-0 *S-1-5-11 *S-1-5-32-545"


class Permissions(Check):
    """Checks the modes of .env, of the prefix's folders and of every file of the active release.

    On Windows it checks access control lists; in the release only those of folders, because files inherit them.
    """

    id = "security.permissions"
    category = SECURITY
    time_limit = 120.0

    def title(self) -> str:
        return _("Permissions")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        exposed = files.is_exposed(prefix.env_file)
        if exposed:
            yield self.failed(
                _("other users can read or change {path}").format(path=prefix.env_file),
                suggestion=_("Remove the permissions of group and others."),
                command=close_command(prefix.env_file),
                evidence={"exposed": [".env"]},
            )
        owner, account = service_account.settings_of_another(prefix)
        if owner:
            yield self.warned(
                _("{path} belongs to {owner}, but the data belongs to {account}, which runs the application").format(
                    path=prefix.env_file, owner=owner, account=account
                ),
                suggestion=_("Make that account its owner: chown {account} {path}").format(
                    path=prefix.env_file, account=account
                ),
                command=f"chown {account} {prefix.env_file}",
            )
        opened = list(open_to_all(prefix, subject))
        if opened:
            yield self.failed(
                _("world-writable: {paths}").format(paths=some_of(opened)),
                suggestion=_("Remove write permission from others."),
                remedy=RECOVER,
                command=command_against_writing(prefix.root),
                evidence={"writable": opened},
            )
        yield from self.of_the_release(prefix, subject, opened)
        subject.need_release()  # raises if there is none, because its files were not inspected
        if not exposed and not opened and not owner and not rights.wrong(prefix, subject.release):
            yield self.passed(_("only the owner can read the settings and change the installed files"))

    def of_the_release(self, prefix: Prefix, subject: Subject, told: list[str]) -> Iterator[CheckResult]:
        """Yield a result for owners and modes that changed since sealing in release and store, unless in ``told``."""
        found = [item for item in rights.wrong(prefix, subject.release) if item.path not in told]
        if not found:
            return
        names = [
            f"{os.path.relpath(item.path, prefix.root)} ({item.mode:04o})"
            if not item.foreign
            else _("{path} ({owner})").format(
                path=os.path.relpath(item.path, prefix.root), owner=app_launcher.whose(item.path)
            )
            for item in found
        ]
        details = _("owner or permissions differ from the installation: {names}").format(names=some_of(names))
        report = self.failed if any(item.is_dangerous for item in found) else self.warned
        yield report(
            details,
            suggestion=_("Find out who changed them, and reset them."),
            remedy=RECOVER,
            evidence={"rights": [os.path.relpath(item.path, prefix.root) for item in found]},
        )


def open_to_all(prefix: Prefix, subject: Subject) -> Iterator[str]:
    """Yield the world-writable paths of the prefix, its folders, the launchers and the release; links are skipped.

    Folders with the sticky bit are included, because other users can still add files to them.
    """
    folders = (prefix.root, prefix.releases, prefix.store, prefix.data, prefix.bin, prefix.state, prefix.backups)
    yield from (str(folder) for folder in folders if mode_of(folder) & stat.S_IWOTH)
    waiting = [str(prefix.bin), *([str(subject.release.path)] if subject.release else [])]
    while waiting:
        # tens of thousands of files: os.scandir returns the type with the name, and no Path is created
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        continue
                    if is_open_to_all(entry):
                        yield entry.path
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UncheckedError(ERROR, troubles.words(error, troubles.READING).what.rstrip(".")) from error


def is_open_to_all(entry: os.DirEntry[str]) -> bool:
    """Return whether a file or folder is world-writable; on Windows only folders are checked."""
    if sys.platform == "win32":
        return entry.is_dir() and windows.anybody_writes(windows.read_sddl(entry.path))
    return bool(entry.stat(follow_symlinks=False).st_mode & stat.S_IWOTH)


def mode_of(path: Path) -> int:
    """Return the mode of a file or folder, or 0 if it is missing or a link, whose mode is meaningless.

    On Windows the result is S_IWOTH if the access control list lets everyone write, else 0.
    """
    try:
        status = path.lstat()
    except OSError:
        return 0
    if files.is_link(path):
        return 0
    if sys.platform == "win32":
        return stat.S_IWOTH if windows.anybody_writes(windows.read_sddl(path)) else 0
    return status.st_mode


def close_command(path: Path) -> str:
    """Return the shell command that makes a file accessible only to its user."""
    return f'icacls "{path}" /inheritance:r /grant:r "%USERNAME%:F"' if sys.platform == "win32" else f"chmod 600 {path}"


def command_against_writing(root: Path) -> str:
    """Return the shell command that removes everyone's write permission from a folder."""
    if sys.platform == "win32":
        return f'icacls "{root}" /inheritance:d && icacls "{root}" /remove:g {EVERYBODY}'
    return f"chmod -R o-w {root}"
