"""The instructions that the processor of this host has, and its x86-64 level."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from installer.release import acceptance
from shared.errors import ToolError
from shared.processes import process

CPUINFO = Path("/proc/cpuinfo")
# x86-64 psABI, table 3.1, by their Linux names (abm includes lzcnt, pni is sse3)
LEVELS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}),
    frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
)
# PF_…_INSTRUCTIONS_AVAILABLE of winnt.h (IsProcessorFeaturePresent), by their Linux names, and what identifies a level
WINDOWS_FEATURES = {38: "sse4_2", 39: "avx", 40: "avx2", 41: "avx512f"}
WINDOWS_LEVELS = (frozenset[str](), frozenset({"sse4_2"}), frozenset({"avx2"}), frozenset({"avx512f"}))
SYSCTL = ["/usr/sbin/sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"]


def level() -> int | None:
    """Return the x86-64 level of this processor, 1 to 4, or None if it is unknown."""
    found = None if sys.platform == "darwin" else features()  # macOS has other names for some of them
    if found is None:
        return None
    levels = WINDOWS_LEVELS if sys.platform == "win32" else LEVELS
    lacking = [number for number, needed in enumerate(levels) if not needed <= found]
    return lacking[0] if lacking else len(levels)


def features() -> frozenset[str] | None:
    """Return the instructions that all processors of this host have, by their Linux names, or None if unknown."""
    if sys.platform == "win32":
        present = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return frozenset(name for number, name in WINDOWS_FEATURES.items() if present(number))
    if sys.platform == "darwin":
        return _of_macos()
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines = [frozenset(line.partition(":")[2].split()) for line in text.splitlines() if line.startswith("flags")]
    return frozenset.intersection(*lines) if lines else None


def _of_macos() -> frozenset[str] | None:
    """Return the features that macOS reports for an Intel processor, by their Linux names, or None.

    The macOS names are those of Linux in capitals (SSE4.2, AVX1.0).
    """
    try:
        ended = process.run(SYSCTL, env=acceptance.basic_environment(), timeout=10.0)
    except ToolError:
        return None
    names = ended.stdout.lower().replace("avx1.0", "avx").replace(".", "_").split()
    return frozenset(names) or None
