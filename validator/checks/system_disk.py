"""Disk: room and inodes for the application's data, and for a repair or an upgrade."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from bootstrap.console import human_bytes
from bootstrap.i18n import _
from bootstrap.prefix import default_root
from bootstrap.preflight import BYTECODE_SHARE, FILES_RESERVE, RESERVE, nearest
from validator.check import SYSTEM, Check, CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from validator.subject import Subject


class Disk(Check):
    """Reads the free bytes and inodes of the prefix's filesystem (of the default place, when nothing is installed)."""

    id = "system.disk"
    category = SYSTEM

    def title(self) -> str:
        return _("Disk")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        place = nearest(subject.prefix.root if subject.prefix else default_root())
        free, inodes = shutil.disk_usage(place).free, free_inodes(place)
        wanted = RESERVE
        if subject.manifest:
            wanted += int(subject.manifest.installed_bytes * (1 + BYTECODE_SHARE))
        metric = {"free": (round(free / 1e9, 2), "GB")}
        advice = _("Free space there; data can't be written without it.")
        if inodes is not None and inodes < FILES_RESERVE:
            details = _("{count} inodes are free on {path}").format(count=inodes, path=place)
            yield self.failed(details, suggestion=_("Remove files there, many small ones first."), metric=metric)
            return
        details = _("{free} are free on {path}").format(free=human_bytes(free), path=place)
        if free < RESERVE:
            yield self.failed(details, suggestion=advice, metric=metric)
        elif free < wanted:
            details += _("; a repair or an upgrade needs {wanted}").format(wanted=human_bytes(wanted))
            yield self.warned(details, suggestion=_("Free space there before the next upgrade."), metric=metric)
        else:
            yield self.passed(details, metric=metric)


def free_inodes(place: Path) -> int | None:
    """Return how many files can still be made, or None where the filesystem has no such limit."""
    if not hasattr(os, "statvfs"):
        return None
    status = os.statvfs(place)
    return status.f_favail if status.f_files else None
