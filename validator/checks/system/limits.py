"""Limits: the memory, processors, open files and processes that a container, a service or the shell allows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shared.i18n import _, joined
from shared.processes.cgroups import memory_limit, processor_limit, tasks_limit
from shared.terminal.console import human_bytes
from validator.check import SKIP, SYSTEM, Check, CheckResult, UncheckedError
from validator.checks.system.memory import needed_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

FILES_LEAST = 1024  # open files; the usual default limit, with which applications are tested
TASKS_LEAST = 128  # processes and threads; numerical libraries start several per processor
# files that container engines create, and the file that systemd documents (container-interface)
MARKS = {Path("/.dockerenv"): "docker", Path("/run/.containerenv"): "podman"}
CONTAINER = Path("/run/systemd/container")
VENDOR = Path("/sys/class/dmi/id/sys_vendor")
VIRTUAL = ("QEMU", "VMware", "innotek GmbH", "Xen", "Microsoft Corporation", "Amazon EC2", "Google", "Parallels", "KVM")


class Limits(Check):
    """Reads the limits of this process and its control groups; detects containers and virtual machines."""

    id = "system.limits"
    category = SYSTEM

    def title(self) -> str:
        return _("Limits")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        if sys.platform != "linux":
            raise UncheckedError(SKIP, _("applies to Linux only"))
        needed = needed_bytes(subject)
        shown = [text for text in (container(), machine()) if text]
        found = []
        for limit, least, words, shape in (
            (memory_limit(), needed, _("memory {limit}"), size),
            (address_limit(), needed, _("address space {limit}"), size),
            (processor_limit(), 1, _("processors {limit}"), number),
            (files_limit(), FILES_LEAST, _("open files {limit}"), number),
            (tasks_limit(), TASKS_LEAST, _("processes and threads {limit}"), number),
        ):
            if limit is not None:
                shown.append(words.format(limit=shape(limit)))
                if limit < least:
                    found.append(_("too low: {limit}").format(limit=shown[-1]))
        if found:
            advice = _("Raise the limits of the container, service or shell that starts the application.")
            yield self.warned(joined("; ", found), suggestion=advice, evidence={"limits": shown})
        else:
            yield self.passed(joined(", ", shown) or _("none"))


def size(value: float) -> str:
    """Format bytes for display."""
    return human_bytes(int(value))


def number(value: float) -> str:
    """Format a count for display, rounded to two decimals."""
    return str(round(value, 2))


def files_limit() -> int | None:
    """Return the number of files that this process may have open, or None if unlimited."""
    import resource

    return _soft(resource.RLIMIT_NOFILE)


def address_limit() -> int | None:
    """Return the limit of a program's address space in bytes, or None if unlimited."""
    import resource

    return _soft(resource.RLIMIT_AS)


def _soft(kind: int) -> int | None:
    import resource

    soft, _hard = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft


def container() -> str | None:
    """Return a description of the container that this process runs in, or None if none is detected."""
    for path, name in MARKS.items():
        if path.exists():
            return _("in a container ({kind})").format(kind=name)
    try:
        reported = CONTAINER.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return _("in a container ({kind})").format(kind=reported)


def machine() -> str | None:
    """Return a description of the virtual machine that the firmware names (as in systemd-detect-virt), or None."""
    try:
        reported = VENDOR.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
    known = next((name for name in VIRTUAL if reported.startswith(name)), None)
    return _("in a virtual machine ({kind})").format(kind=reported) if known else None
