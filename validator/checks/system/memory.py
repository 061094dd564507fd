"""Memory: enough is free for the application and its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _
from shared.terminal.console import human_bytes
from validator.check import SYSTEM, Check, CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

BASE = 512 << 20  # bytes; an interpreter with scientific libraries loaded takes 300 to 500 MB
COPIES = 2  # copies of the weights, which are read and then converted


class Memory(Check):
    """Compares the host's available memory with the size of the models in the manifest."""

    id = "system.memory"
    category = SYSTEM

    def title(self) -> str:
        return _("Memory")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        import psutil

        memory = psutil.virtual_memory()
        needed = needed_bytes(subject)
        details = _("{free} of {total} free, about {needed} needed").format(
            free=human_bytes(memory.available), total=human_bytes(memory.total), needed=human_bytes(needed)
        )
        metric = {"available": (round(memory.available / 1e9, 2), "GB"), "total": (round(memory.total / 1e9, 2), "GB")}
        if memory.available < needed:
            yield self.warned(
                details, suggestion=_("Stop other programs, or give this host more memory."), metric=metric
            )
        else:
            yield self.passed(details, metric=metric)


def needed_bytes(subject: Subject) -> int:
    """Return approximately how many bytes of memory the application needs with its models loaded."""
    models = sum(entry.size for entry in subject.manifest.of_kind("model")) if subject.manifest else 0
    return BASE + COPIES * models
