"""Data: the user's data folder is writable, and the release's links lead to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shared.i18n import _
from validator.check import APPLICATION, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from validator.subject import Subject


class Data(Check):
    """Checks the permissions of PREFIX/data, and the targets of the release's persistent folders."""

    id = "ragtrace.data"
    category = APPLICATION

    def title(self) -> str:
        return _("Data folder")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, release = subject.need_prefix(), subject.need_release()
        persist = subject.need_manifest().application.persist
        closed = [path for path in (prefix.data, *(prefix.data / folder for folder in persist)) if not writable(path)]
        gone = [path for path in closed if not os.path.lexists(path)]
        if gone:
            yield self.failed(
                _("missing: {names}").format(names=some_of(map(str, gone))),
                suggestion=_(
                    "Restore what is missing from a backup that this command lists, or recreate folders that were "
                    "empty."
                ),
                command=subject.tool("backup", "list"),
            )
            return
        no_folders = [path for path in closed if not path.is_dir()]
        if no_folders:
            yield self.failed(
                _("not a folder: {names}").format(names=some_of(map(str, no_folders))),
                suggestion=_("Move this elsewhere, and restore the folder from a backup that this command lists."),
                command=subject.tool("backup", "list"),
            )
            return
        if closed:
            yield self.failed(
                _("not writable: {paths}").format(paths=some_of(map(str, closed))),
                suggestion=_("Give this user write permission there."),
            )
            return
        astray = [folder for folder in persist if not same(release.app / folder, prefix.data / folder)]
        if astray:
            details = _("the application does not use the user data folders: {names}").format(names=some_of(astray))
            yield self.failed(details, evidence={"folders": astray}, **subject.reinstall())
        else:
            yield self.passed(str(prefix.data))


def writable(folder: Path) -> bool:
    """Return whether this user could create a file in a folder, without creating one."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def same(link: Path, folder: Path) -> bool:
    """Return whether two paths lead to the same folder."""
    try:
        return os.path.samefile(link, folder)
    except OSError:
        return False
