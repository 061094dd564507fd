"""Permissions: no other user can read the settings or change the programs that run."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from installer.layout import rights, service_account
from shared import troubles, windows
from shared.files import files
from shared.i18n import _
from shared.programs import app_launcher
from validator.check import ERROR, RECOVER, SECURITY, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.layout.prefix import Prefix
    from validator.subject import Subject

# Everyone, Authenticated Users, Users: by SID, because Windows translates their names
EVERYBODY = "*S-1-1-0 *S-1-5-11 *S-1-5-32-545"


class Permissions(Check):
    """Checks owners and modes of .env, of the prefix's folders, and of all files in the store and the releases.

    On Windows it checks the access control lists of .env and of folders; files inherit those of their folders.
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
                suggestion=_("Make that account its owner: `chown {account} {path}`").format(
                    path=prefix.env_file, account=account
                ),
                command=f"chown {account} {prefix.env_file}",
            )
        denied: list[OSError] = []
        found = rights.wrong(prefix, subject.release, denied)
        opened = [item.path for item in found if item.mode & stat.S_IWOTH]
        opened += [path for path in open_to_all(prefix, subject, denied) if path not in opened]
        if opened:
            yield self.failed(
                _("world-writable: {paths}").format(paths=some_of(opened)),
                suggestion=_("Remove write permission from others."),
                remedy=RECOVER,
                command=command_against_writing(prefix.root),
                evidence={"writable": opened},
            )
        yield from self.of_the_release(prefix, [item for item in found if item.path not in opened])
        require_all_read(denied, found)
        subject.need_release()  # raises if there is none, because its files were not inspected
        if not exposed and not opened and not owner and not found:
            yield self.passed(_("only the owner can read the settings and change the installed files"))

    def of_the_release(self, prefix: Prefix, found: list[rights.Wrong]) -> Iterator[CheckResult]:
        """Yield a result for owners and modes in release and store that changed since sealing, if any did."""
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
        details = _("owner or permissions have changed since installation: {names}").format(names=some_of(names))
        report = self.failed if any(item.is_dangerous for item in found) else self.warned
        yield report(
            details,
            suggestion=_("Find out who changed them, and reset them."),
            remedy=RECOVER,
            evidence={"rights": [os.path.relpath(item.path, prefix.root) for item in found]},
        )


def require_all_read(denied: list[OSError], found: list[rights.Wrong]) -> None:
    """Raise UncheckedError if a folder could not be read although its owner and mode are correct."""
    explained = {item.path for item in found}
    for error in denied:
        if str(error.filename) not in explained and not isinstance(error, FileNotFoundError):
            raise UncheckedError(ERROR, troubles.words(error, troubles.READING).what.rstrip(".")) from error


def open_to_all(prefix: Prefix, subject: Subject, denied: list[OSError]) -> Iterator[str]:
    """Yield what everyone can write to besides files of the installation: whatever lies in PREFIX/bin.

    On Windows these are the folders, by their access control lists, which files in the release and in bin inherit.
    """
    if sys.platform != "win32":
        yield from _writable_below(prefix.bin, denied)
        return
    folders = [prefix.root, prefix.releases, prefix.store, prefix.data, prefix.state, prefix.backups]
    for root in (prefix.bin, *([subject.release.path] if subject.release else [])):
        walked = os.walk(root, onerror=denied.append)
        folders += [root, *(Path(above, name) for above, below, _files in walked for name in below)]
    for folder in folders:
        is_there = folder.is_dir() and not files.is_link(folder)
        if is_there and windows.anybody_writes(windows.read_sddl(folder)):
            yield str(folder)


def _writable_below(root: Path, denied: list[OSError]) -> Iterator[str]:
    for above, folders, names in os.walk(root, onerror=denied.append):
        for path in (os.path.join(above, name) for name in (*folders, *names)):
            with contextlib.suppress(FileNotFoundError):
                mode = os.lstat(path).st_mode
                if not stat.S_ISLNK(mode) and mode & stat.S_IWOTH:
                    yield path


def close_command(path: Path) -> str:
    """Return the shell command that makes a file accessible only to its user."""
    return f'icacls "{path}" /inheritance:r /grant:r "%USERNAME%:F"' if sys.platform == "win32" else f"chmod 600 {path}"


def command_against_writing(root: Path) -> str:
    """Return the shell command that removes everyone's write permission from a folder."""
    if sys.platform == "win32":
        return f'icacls "{root}" /inheritance:d && icacls "{root}" /remove:g {EVERYBODY}'
    return f"chmod -R o-w {root}"
