"""Processor: how many this process may use, and the instructions that wheels are built for."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from installer.release import acceptance
from shared.errors import ToolError
from shared.i18n import _, plural
from shared.processes import process
from validator.check import SKIP, SYSTEM, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

CPUINFO = Path("/proc/cpuinfo")
INTEL = ("x86_64", "AMD64")
# package → the instructions that its x86-64 wheels are built for, as their projects say
NEEDED = {"torch": "avx2", "polars": "avx2", "tensorflow": "avx", "pyarrow": "sse4_2"}
# PF_…_INSTRUCTIONS_AVAILABLE of winnt.h, by their Linux names
WINDOWS_FEATURES = {38: "sse4_2", 39: "avx", 40: "avx2"}
SYSCTL = ["/usr/sbin/sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"]


class Processor(Check):
    """Reads what the system reports of its processors and how many the scheduler gives, and the manifest's packages."""

    id = "system.cpu"
    category = SYSTEM

    def title(self) -> str:
        return _("Processor")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        total, usable = os.cpu_count() or 1, usable_processors()
        metric = {"usable": (float(usable), ""), "total": (float(total), "")}
        packages = {package.name for package in subject.manifest.packages} if subject.manifest else set()
        needed = {name: feature for name, feature in NEEDED.items() if name in packages}
        if needed and platform.machine() in INTEL:
            features = cpu_features()
            if features is None:
                raise UncheckedError(SKIP, _("this system does not report which instructions its processor has"))
            lacking = sorted(name for name, feature in needed.items() if feature not in features)
            if lacking:
                yield self.failed(
                    _("the processor lacks {features}, required by {packages}").format(
                        features=", ".join(sorted({needed[name].upper() for name in lacking})),
                        packages=", ".join(lacking),
                    ),
                    suggestion=_("Use another host, or let the virtual machine expose the processor's own features."),
                    evidence={"packages": lacking},
                    metric=metric,
                )
                return
        details = plural(
            "{usable} of {total} processor can be used", "{usable} of {total} processors can be used", total
        ).format(usable=usable, total=total)
        yield self.passed(details, metric=metric)


def usable_processors() -> int:
    """Return how many processors the scheduler gives this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_features() -> set[str] | None:
    """Return the instructions that every processor has (Linux names), or None where they are not known."""
    if sys.platform == "win32":
        present = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return {name for number, name in WINDOWS_FEATURES.items() if present(number)}
    if sys.platform == "darwin":
        return sysctl_features()
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines = [set(line.partition(":")[2].split()) for line in text.splitlines() if line.startswith("flags")]
    return set.intersection(*lines) if lines else None


def sysctl_features() -> set[str] | None:
    """Return what macOS says of an Intel processor, whose names are those of Linux in capitals (SSE4.2, AVX1.0)."""
    try:
        ended = process.run(SYSCTL, env=acceptance.basic_environment(), timeout=10.0)
    except ToolError:
        return None
    names = ended.stdout.lower().replace("avx1.0", "avx").replace(".", "_").split()
    return set(names) or None
