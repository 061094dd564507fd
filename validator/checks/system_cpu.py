"""Processor: how many this process may use, and the instructions that wheels are built for."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.i18n import _
from validator.check import SKIP, SYSTEM, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

CPUINFO = Path("/proc/cpuinfo")
INTEL = ("x86_64", "AMD64")
# package → the instructions that its x86-64 wheels cannot do without
NEEDED = {"torch": "avx2"}


class Processor(Check):
    """Reads /proc/cpuinfo and which processors the scheduler gives, and the packages of the manifest."""

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
                raise UncheckedError(SKIP, _("this system does not say which instructions its processor has"))
            lacking = sorted(name for name, feature in needed.items() if feature not in features)
            if lacking:
                yield self.failed(
                    _("the processor lacks {features}, which {packages} needs").format(
                        features=", ".join(sorted({needed[name].upper() for name in lacking})),
                        packages=", ".join(lacking),
                    ),
                    suggestion=_("Use another host, or let the virtual machine show the processor's own features."),
                    evidence={"packages": lacking},
                    metric=metric,
                )
                return
        details = _("{usable} of {total} processors can be used").format(usable=usable, total=total)
        yield self.passed(details, metric=metric)


def usable_processors() -> int:
    """Return how many processors the scheduler gives this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_features() -> set[str] | None:
    """Return the instructions that every processor has (Linux names), or None where they are not told."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines = [set(line.partition(":")[2].split()) for line in text.splitlines() if line.startswith("flags")]
    return set.intersection(*lines) if lines else None
