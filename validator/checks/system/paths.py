"""Path length: the longest path of the release is one that this system opens."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shared.i18n import _
from validator.check import SYSTEM, Check, CheckResult
from validator.checks.windows_settings import MACHINE, read_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from validator.subject import Subject

WINDOWS_LIMIT = 259  # characters of MAX_PATH without its NUL
FILE_SYSTEM = r"SYSTEM\CurrentControlSet\Control\FileSystem"


class PathLength(Check):
    """Reads the paths in the receipt and the limits of the prefix's filesystem."""

    id = "system.paths"
    category = SYSTEM

    def title(self) -> str:
        return _("Path length")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release, receipt = subject.need_release(), subject.need_receipt()
        longest = max((item.path for item in receipt.items), key=length_of, default="")
        length, limit = length_of(str(release.path / longest)), limit_of(release.path)
        if length > limit:
            yield self.failed(
                _("{path} has {length} characters, the limit is {limit}").format(
                    path=release.path / longest, length=length, limit=limit
                ),
                suggestion=_("Install into a folder with a shorter path, or enable long paths on Windows."),
            )
        else:
            details = _("the longest path has {length} of {limit} characters")
            yield self.passed(details.format(length=length, limit=limit))


def length_of(path: str) -> int:
    """Return a path's length as the system counts: bytes on POSIX, characters on Windows."""
    return len(path) if sys.platform == "win32" else len(os.fsencode(path))


def limit_of(folder: Path) -> int:
    """Return how long a path may be."""
    if sys.platform == "win32":
        return 32_767 if long_paths_allowed() else WINDOWS_LIMIT
    return os.pathconf(folder, "PC_PATH_MAX") - 1


def long_paths_allowed() -> bool:
    """Return whether Windows was set to open long paths."""
    try:
        return bool(read_value(MACHINE, FILE_SYSTEM, "LongPathsEnabled"))
    except OSError:
        return False
