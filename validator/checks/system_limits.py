"""Limits: what a container, a service or the shell leaves of the host's memory, processors and files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.console import human_bytes
from bootstrap.i18n import _
from validator.check import SKIP, SYSTEM, Check, CheckResult, UncheckedError
from validator.checks.system_memory import needed_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
FILES_LEAST = 1024  # open files; the customary limit, with which applications are tried out
UNLIMITED = 1 << 60  # cgroup v1 writes a number near 2^63 for none


class Limits(Check):
    """Reads memory and processor limits of this process's control groups, and how many files it may open."""

    id = "system.limits"
    category = SYSTEM

    def title(self) -> str:
        return _("Limits")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        if sys.platform != "linux":
            raise UncheckedError(SKIP, _("only Linux has them"))
        memory, processors, files = memory_limit(), processor_limit(), files_limit()
        needed, found, shown = needed_bytes(subject), [], []
        if memory is not None:
            shown.append(_("memory {limit}").format(limit=human_bytes(memory)))
            if memory < needed:
                found.append(
                    _("memory is limited to {limit}, about {needed} are needed").format(
                        limit=human_bytes(memory), needed=human_bytes(needed)
                    )
                )
        if processors is not None:
            shown.append(_("processors {limit:g}").format(limit=processors))
            if processors < 1:
                found.append(_("processors are limited to {limit:g}").format(limit=processors))
        if files is not None:
            shown.append(_("open files {limit}").format(limit=files))
            if files < FILES_LEAST:
                found.append(_("open files are limited to {limit}").format(limit=files))
        if found:
            advice = _("Raise the limits of the container, service or shell that starts the application.")
            yield self.warned("; ".join(found), suggestion=advice)
        else:
            yield self.passed(", ".join(shown) or _("none"))


def memory_limit() -> int | None:
    """Return the smallest memory limit of the groups that this process is in (bytes), or None."""
    limits = [int(text) for text in _settings("memory.max", "memory", "memory.limit_in_bytes") if text.isdigit()]
    return min((limit for limit in limits if limit < UNLIMITED), default=None)


def processor_limit() -> float | None:
    """Return how many processors' time this process's groups may take, or None."""
    pairs = [text.split() for text in _settings("cpu.max", "cpu", "")]
    limits = [int(pair[0]) / int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0].isdigit()]
    return min(limits, default=None)


def _settings(name: str, controller: str, old_name: str) -> Iterator[str]:
    """Yield what a setting says in the own group and those above it (cgroup v2, else v1)."""
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
                pass  # the root group has no limits, and some hosts show no groups at all
            folder = folder.parent


def files_limit() -> int | None:
    """Return how many files this process may have open, or None for no limit."""
    import resource

    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
