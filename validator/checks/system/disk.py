"""Disk: space and inodes for the application's data and for a repair or an upgrade, on every filesystem involved."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from installer.change.space import FILES_RESERVE, RESERVE, of_whole_repair
from installer.install.probes import nearest
from installer.layout.location.finding import default_root
from shared.i18n import _, plural
from shared.terminal.console import human_bytes
from validator.check import SYSTEM, Check, CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

TEMPORARY_RESERVE = 16 << 20  # bytes that programs write to the temporary folder while they run


class Disk(Check):
    """Checks free bytes, free inodes and mount options of each filesystem of the prefix and the temporary folder."""

    id = "system.disk"
    category = SYSTEM

    def title(self) -> str:
        return _("Disk")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        for place, least, wanted in filesystems(subject):
            yield self.inspect(place, least, wanted)

    def inspect(self, place: Path, least: int, wanted: int) -> CheckResult:
        """Return the result for one filesystem, which needs ``least`` bytes now and ``wanted`` bytes for a repair."""
        name = _("Disk of {path}").format(path=place)
        free, inodes = shutil.disk_usage(place).free, free_inodes(place)
        more = {"name": name, "metric": {"free": (round(free / 1e9, 2), "GB")}, "evidence": {"filesystem": str(place)}}
        if is_read_only(place):
            advice = _("Mount it read-write; the application stores its data there.")
            return self.failed(_("{path} is mounted read-only").format(path=place), suggestion=advice, **more)
        if inodes is not None and inodes < FILES_RESERVE:
            details = plural("{count} inode is free on {path}", "{count} inodes are free on {path}", inodes).format(
                count=inodes, path=place
            )
            return self.failed(
                details, suggestion=_("Remove files there; each file uses an inode, whatever its size."), **more
            )
        details = _("{free} free on {path}").format(free=human_bytes(free), path=place)
        if free < least:
            advice = _("Free up space there; otherwise data cannot be written.")
            return self.failed(details, suggestion=advice, **more)
        if free < wanted:
            details += _("; a repair or an upgrade needs {wanted}").format(wanted=human_bytes(wanted))
            return self.warned(details, suggestion=_("Free up space there before the next upgrade."), **more)
        return self.passed(details, **more)


def filesystems(subject: Subject) -> list[tuple[Path, int, int]]:
    """Return for each filesystem its first path, the bytes that must be free on it, and those that a repair needs."""
    repair = of_whole_repair(subject.manifest) if subject.manifest else RESERVE
    prefix = subject.prefix
    root = prefix.root if prefix else default_root()
    needs = [(root, RESERVE, repair if prefix is None else RESERVE)]
    if prefix is not None:
        needs += [(prefix.releases, RESERVE, repair), (prefix.store, RESERVE, RESERVE)]
        needs += [(folder, RESERVE, RESERVE) for folder in (prefix.data, prefix.state, prefix.backups)]
    needs.append((Path(tempfile.gettempdir()), TEMPORARY_RESERVE, TEMPORARY_RESERVE))
    found: dict[int, tuple[Path, int, int]] = {}
    for path, least, wanted in needs:
        place = nearest(path)
        device = place.stat().st_dev
        first, known_least, known_wanted = found.get(device, (place, 0, 0))
        found[device] = first, max(known_least, least), max(known_wanted, wanted)
    return list(found.values())


def free_inodes(place: Path) -> int | None:
    """Return the number of files that can still be created, or None if the filesystem has no such limit."""
    if not hasattr(os, "statvfs"):
        return None
    status = os.statvfs(place)
    return status.f_favail if status.f_files else None


def is_read_only(place: Path) -> bool:
    """Return whether a filesystem is mounted read-only."""
    return hasattr(os, "statvfs") and bool(os.statvfs(place).f_flag & os.ST_RDONLY)
