"""The limits of this process's control groups, such as those of a container or a service (Linux, cgroup v2 and v1)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
TASKS = 512  # processes and threads of two programs with a pool of threads per processor each
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
    """Yield a setting, "" where unknown, of this process's control group and those above it (cgroup v2, else v1)."""
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
                yield ""  # the root group has no limits, and some hosts expose no groups
            folder = folder.parent


def memory_left() -> int | None:
    """Return the memory in bytes that is left to this process in its control groups, or None without a limit."""
    return _left(("memory.max", "memory.limit_in_bytes"), ("memory.current", "memory.usage_in_bytes"), "memory")


def tasks_left() -> int | None:
    """Return the number of processes and threads that may still be started, or None if no control group limits it."""
    return _left(("pids.max", "pids.max"), ("pids.current", "pids.current"), "pids")


def _left(limit: tuple[str, str], used: tuple[str, str], controller: str) -> int | None:
    """Return the least difference of a limit and its use, in this group and each above it; names are of v2 and v1."""
    pairs = zip(_settings(limit[0], controller, limit[1]), _settings(used[0], controller, used[1]))
    numbers = [(int(most), int(now)) for most, now in pairs if most.isdigit() and now.isdigit()]
    return min((most - now for most, now in numbers if most < UNLIMITED), default=None)


def has_room(processors: int, memory: int) -> bool:
    """Return whether this host surely has so many processors and so many bytes of memory left for this process.

    False if that is unknown, as without /proc.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    tasks, left = tasks_left(), memory_left()
    if min(usable, processor_limit() or usable) < processors or (tasks is not None and tasks < TASKS):
        return False
    if left is not None and left < memory:
        return False
    with contextlib.suppress(Exception):  # psutil raises many kinds of errors
        import psutil

        return int(psutil.virtual_memory().available) >= memory
    return False
