"""Memory bandwidth: the speed of copying a block much larger than the CPU caches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared.i18n import _
from shared.terminal.console import human_bytes
from validator.check import FULL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError
from validator.checks.performance.measured import Measured, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

SIZE = 128 << 20  # bytes
REPEATS = 8


class MemoryBandwidth(Check):
    """Copies one block of memory to another on one thread; each byte counts as one read and one write."""

    id = "performance.memory"
    category = PERFORMANCE
    measures = True
    effort = FULL

    def title(self) -> str:
        return _("Memory bandwidth")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        import psutil

        if psutil.virtual_memory().available < 4 * SIZE:
            raise UncheckedError(SKIP, _("not enough free memory to measure it"))
        source, target = bytearray(b"\x01") * SIZE, bytearray(SIZE)
        view, best = memoryview(target), float("inf")
        for _number in range(REPEATS):
            started = time.perf_counter()
            view[:] = source
            best = min(best, time.perf_counter() - started)
        details = _("{size} copied in {milliseconds:.1f} ms").format(size=human_bytes(SIZE), milliseconds=best * 1000)
        metric = {"memory_bandwidth": (round(2 * SIZE / best / 1e9, 2), "GB/s")}
        yield judged(self, subject, details, Measured(metric, {"memory_bandwidth": "memory_gb_per_second"}))
