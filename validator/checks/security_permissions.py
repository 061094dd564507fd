"""Permissions: nobody else reads the settings, and nobody else can change what runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.i18n import _
from validator.check import SECURITY, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        opened = [str(path) for path in places(prefix, subject) if is_open(path)]
        if opened:
            yield self.failed(
                _("anybody can write: {paths}").format(paths=some_of(opened)),
                suggestion=_("Take the right to write away from others."),
                command=f"chmod -R o-w {prefix.root}",
                evidence={"writable": opened},
            )
        if not exposed and not opened:
            yield self.passed(_("settings are private, and only their owner can change the installed files"))


def places(prefix: Prefix, subject: Subject) -> Iterator[Path]:
    """Yield what must not be writable for everybody: the prefix, its folders, the launchers, the release."""
    yield prefix.root
    yield from (prefix.releases, prefix.store, prefix.data, prefix.bin, prefix.state, prefix.backups)
    trees = [prefix.bin, *([subject.release.path] if subject.release else [])]
    for tree in trees:
        for folder_name, folders, names in os.walk(tree):
            yield from (Path(folder_name, name) for name in (*folders, *names))


def mode_of(path: Path) -> int:
    """Return the mode of a file or folder; 0 for what is missing or a link, whose mode says nothing."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return 0 if stat.S_ISLNK(status.st_mode) else status.st_mode


def is_open(path: Path) -> bool:
    """Tell whether everybody may write; a folder with the sticky bit still lets them add files."""
    return bool(mode_of(path) & stat.S_IWOTH)
