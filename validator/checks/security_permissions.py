"""Permissions: nobody else reads the settings, and nobody else can change what runs."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from bootstrap.i18n import _
from validator.check import ERROR, SECURITY, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bootstrap.prefix import Prefix
    from validator.subject import Subject

PRIVATE = stat.S_IRWXG | stat.S_IRWXO


class Permissions(Check):
    """Reads the modes of .env, of the prefix's folders and of every file of the active release."""

    id = "security.permissions"
    category = SECURITY
    time_limit = 120.0

    def title(self) -> str:
        return _("Permissions")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        if os.name != "posix":
            raise UncheckedError(SKIP, _("only POSIX permissions are looked at"))
        exposed = mode_of(prefix.env_file) & PRIVATE
        if exposed:
            yield self.failed(
                _("{path} can be read or changed by others").format(path=prefix.env_file),
                suggestion=_("Take the rights of group and others away."),
                command=f"chmod 600 {prefix.env_file}",
                evidence={"exposed": [".env"]},
            )
        opened = list(open_to_all(prefix, subject))
        if opened:
            yield self.failed(
                _("anybody can write: {paths}").format(paths=some_of(opened)),
                suggestion=_("Take the right to write away from others."),
                command=f"chmod -R o-w {prefix.root}",
                evidence={"writable": opened},
            )
        subject.need_release()  # where there is none, its files were not looked at
        if not exposed and not opened:
            yield self.passed(_("settings are private, and only their owner can change the installed files"))


def open_to_all(prefix: Prefix, subject: Subject) -> Iterator[str]:
    """Yield what everybody may write of the prefix, its folders, the launchers and the release; links say nothing.

    A folder with the sticky bit still lets them add files.
    """
    folders = (prefix.root, prefix.releases, prefix.store, prefix.data, prefix.bin, prefix.state, prefix.backups)
    yield from (str(folder) for folder in folders if mode_of(folder) & stat.S_IWOTH)
    waiting = [str(prefix.bin), *([str(subject.release.path)] if subject.release else [])]
    while waiting:
        # tens of thousands of files: no Path is made of any, and the type of each comes with its name
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        continue
                    if entry.stat(follow_symlinks=False).st_mode & stat.S_IWOTH:
                        yield entry.path
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = _("{path} cannot be read: {reason}").format(path=error.filename, reason=error.strerror)
            raise UncheckedError(ERROR, reason) from error


def mode_of(path: Path) -> int:
    """Return the mode of a file or folder; 0 for what is missing or a link, whose mode says nothing."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return 0 if stat.S_ISLNK(status.st_mode) else status.st_mode
