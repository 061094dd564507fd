"""Path length: this system can open the longest path of the release."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from installer.install.requirements import path_limit
from shared.i18n import _
from validator.check import SYSTEM, Check, CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class PathLength(Check):
    """Compares the paths in the receipt with the limit of the prefix's filesystem."""

    id = "system.paths"
    category = SYSTEM

    def title(self) -> str:
        return _("Path length")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release, receipt = subject.need_release(), subject.need_receipt()
        longest = max((item.path for item in receipt.items), key=length_of, default="")
        length, limit = length_of(str(release.path / longest)), path_limit(release.path)
        if length > limit:
            yield self.failed(
                _("{path} has length {length}; the limit is {limit}").format(
                    path=release.path / longest, length=length, limit=limit
                ),
                suggestion=_("Install into a folder with a shorter path, or enable long paths on Windows."),
            )
        else:
            details = _("the longest path has length {length}; the limit is {limit}")
            yield self.passed(details.format(length=length, limit=limit))


def length_of(path: str) -> int:
    """Return a path's length in the system's unit: bytes on POSIX, characters on Windows."""
    return len(path) if sys.platform == "win32" else len(os.fsencode(path))
