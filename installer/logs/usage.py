"""Resource usage of an installation: seconds of each phase, peak memory, bytes written.

It is stored in the receipt, so it excludes the steps after the receipt: sealing and activation.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.strict import Fields
from shared.i18n import _
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform != "win32":
    import resource

VERIFY, FILES, ENVIRONMENT, TRIAL, INVENTORY = "verify", "files", "environment", "trial", "inventory"
PHASES = (VERIFY, FILES, ENVIRONMENT, TRIAL, INVENTORY)


@dataclass(frozen=True)
class Usage:
    """Seconds of each phase that ran, and numbers of bytes, which are None if this platform does not report them.

    ``peak_memory`` is that of the installer, ``peak_memory_uv`` that of uv, ``peak_memory_programs`` that of the
    largest program that was called, such as the application on trial. ``written`` counts the bytes written to disk,
    including that of uv and the other programs.
    """

    seconds: dict[str, float]
    peak_memory: int | None
    peak_memory_uv: int | None
    peak_memory_programs: int | None
    written: int | None

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def line(self) -> str:
        """Return the usage as a human-readable line."""
        parts = [_("took {seconds:.1f} s").format(seconds=self.total_seconds)]
        if self.peak_memory is not None:
            parts.append(_("peak memory {size}").format(size=human_bytes(self.peak_memory)))
        if self.peak_memory_uv is not None:
            parts.append(_("peak memory of uv {size}").format(size=human_bytes(self.peak_memory_uv)))
        if self.written is not None:
            parts.append(_("{size} written").format(size=human_bytes(self.written)))
        return ", ".join(parts)


def read_usage(value: Any, path: str) -> Usage:
    """Parse the output of ``to_json``. Raises TrustError if it is invalid."""
    fields = Fields(value, path)

    def seconds(value: Any, path: str) -> dict[str, float]:
        phases = Fields(value, path)
        found = {name: phases.nested(name, strict.number) for name in PHASES if name in phases.left}
        phases.done()
        return found

    counts = ("peak_memory", "peak_memory_uv", "peak_memory_programs", "written")
    usage = Usage(fields.nested("seconds", seconds), *(fields.optional(name, _count) for name in counts))
    fields.done()
    return usage


def _count(value: Any, path: str) -> int:
    return Fields({"it": value}, path).integer("it")


class Meter:
    """Measures this process and the programs that it calls, from its creation on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._uv: int | None = None
        self._programs_before = _peak_programs()
        self._written_before = _written()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure one of PHASES; a phase that fails is not recorded."""
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 3)
        if name == ENVIRONMENT:
            self._uv = self._programs()

    def _programs(self) -> int | None:
        """Return the peak memory of the programs measured so far, or None if an earlier one or this process had more.

        Linux counts the memory of a process before it executed another program, and a child starts as a copy of its
        parent.
        """
        peak, own = _peak_programs(), _peak_own()
        hidden = peak is None or peak == self._programs_before or (own is not None and peak <= own)
        return None if hidden else peak

    def usage(self) -> Usage:
        """Return the usage so far."""
        before, now = self._written_before, _written()
        return Usage(
            seconds=dict(self.seconds),
            peak_memory=_peak_own(),
            peak_memory_uv=self._uv,
            peak_memory_programs=self._programs(),
            written=None if now is None or before is None else now - before,
        )


def _peak_own() -> int | None:
    """Return the peak memory of this process, in bytes."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    try:
        # proc_pid_status(5): getrusage(2) would include the program that started this one
        with open("/proc/self/status", encoding="utf-8") as file:
            line = next(line for line in file if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return _bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _peak_programs() -> int | None:
    """Return the peak memory of the largest program that was called and has ended, in bytes, or None on Windows."""
    if sys.platform == "win32":
        return None
    return _bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _bytes(maxrss: int) -> int:
    # getrusage(2): kibibytes on Linux, bytes on macOS
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _written() -> int | None:
    """Return how many bytes this process and the programs it called have written to disk, or None if unknown (macOS).

    Linux includes the counts of children that were waited for; on Windows the counts are those of this process alone.
    """
    try:
        import psutil  # reads /proc while it is imported

        return int(psutil.Process().io_counters().write_bytes)
    except Exception:  # noqa: BLE001 - a measurement, and never a reason to stop
        return None
