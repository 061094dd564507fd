"""The limits of this process's control groups, such as those of a container or a service (Linux, cgroup v2 and v1)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
UNLIMITED = 1 << 60  # cgroup v1 represents "no limit" by a number near 2^63


def memory_limit() -> int | None:
    """Return the smallest memory limit of this process's control groups in bytes, or None."""
    limits = [int(text) for text in _settings("memory.max", "memory", "memory.limit_in_bytes") if text.isdigit()]
    return min((limit for limit in limits if limit < UNLIMITED), default=None)


def processor_limit() -> float | None:
    """Return the smallest CPU quota of this process's control groups, in processors, or None."""
    pairs = [text.split() for text in _settings("cpu.max", "cpu", "")]
    old = zip(_settings("", "cpu", "cpu.cfs_quota_us"), _settings("", "cpu", "cpu.cfs_period_us"))
    numbers = [pair for pair in (*pairs, *old) if len(pair) == 2 and pair[0].isdigit()]
    return min((int(quota) / int(period) for quota, period in numbers), default=None)


def tasks_limit() -> int | None:
    """Return the number of processes and threads that this process's control groups allow, or None."""
    return min((int(text) for text in _settings("pids.max", "pids", "pids.max") if text.isdigit()), default=None)


def _settings(name: str, controller: str, old_name: str) -> Iterator[str]:
    """Yield the values of a setting in this process's control group and those above it (cgroup v2, else v1)."""
    try:
        lines = OWN.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _number, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root, file = (CGROUPS / controller, old_name) if controllers else (CGROUPS, name)
        folder = root / group.lstrip("/")
        while file and root in (folder, *folder.parents):
            try:
                yield (folder / file).read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError):
                pass  # the root group has no limits, and some hosts expose no groups
            folder = folder.parent


def has_room(processors: int, memory: int) -> bool:
    """Return whether at least this many processors and bytes of memory are available to this process."""
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if min(usable, processor_limit() or usable) < processors:
        return False
    available = psutil.virtual_memory().available
    return min(available, memory_limit() or available) >= memory
