"""Disk speed: write, read and fsync on the prefix's own filesystem."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Callable

from installer.change.space import RESERVE
from shared.files import temp_folders
from shared.i18n import _
from validator.check import FULL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError
from validator.checks.performance.measured import Measured, judged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from validator.subject import Subject

BLOCK, BLOCKS = bytes(range(256)) * 4096, 128  # 1 MiB each, 128 MiB in total
SYNCS = 20
BOUNDS = {"write": "disk_write_mb_per_second", "read": "disk_read_mb_per_second", "fsync": "fsync_milliseconds"}


class DiskSpeed(Check):
    """Writes, reads and removes a file in a temporary folder under PREFIX/state."""

    id = "performance.disk"
    category = PERFORMANCE
    time_limit = 120.0
    measures = True
    effort = FULL

    def title(self) -> str:
        return _("Disk speed")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        state = subject.need_prefix().state
        if shutil.disk_usage(state).free < RESERVE + 2 * len(BLOCK) * BLOCKS:
            raise UncheckedError(SKIP, _("not enough free space to measure it"))
        with temp_folders.folder(state) as folder:
            path = folder / "file"
            write = speed(lambda: written(path))
            is_cold = forgotten(path)
            read = speed(lambda: read_back(path))
            sync = fsync_seconds(folder / "small")
        details = (
            _("{path}; the test file was read from the disk")
            if is_cold
            else _("{path}; the test file was read from the system's cache, not from the disk")
        )
        metric = {
            "write": (write, "MB/s"),
            "read": (read, "MB/s"),
            "fsync": (round(sync * 1000, 3), "ms"),
        }
        yield judged(self, subject, details.format(path=state), Measured(metric, BOUNDS))


def speed(work: Callable[[], None]) -> float:
    """Return the throughput of a function that processes the whole file, in 10^6 bytes per second."""
    started = time.perf_counter()
    work()
    return round(len(BLOCK) * BLOCKS / max(1e-9, time.perf_counter() - started) / 1e6, 1)


def written(path: Path) -> None:
    """Write the file and flush it to the disk."""
    with path.open("wb", buffering=0) as file:
        for _number in range(BLOCKS):
            file.write(BLOCK)
        os.fsync(file.fileno())


def forgotten(path: Path) -> bool:
    """Drop a file from the system's cache; returns False if this system does not support that."""
    if not hasattr(os, "posix_fadvise"):
        return False
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def read_back(path: Path) -> None:
    """Read the file to its end."""
    with path.open("rb", buffering=0) as file:
        while file.read(len(BLOCK)):
            pass


def fsync_seconds(path: Path) -> float:
    """Return the median time in seconds of an fsync after writing 4 KiB."""
    seconds = []
    with path.open("wb", buffering=0) as file:
        for _number in range(SYNCS):
            file.write(BLOCK[:4096])
            started = time.perf_counter()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - started)
    return sorted(seconds)[SYNCS // 2]
