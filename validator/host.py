"""Describes this host for a report: its platform and its resources."""

from __future__ import annotations

import contextlib
import os
import platform
from typing import Any

from bundle.target import host_glibc
from shared import __version__


def system_info() -> dict[str, Any]:
    """Return the properties of this host; ``memory_gb`` is in units of 10^9 bytes, or 0 if unknown."""
    glibc = host_glibc()
    return {
        "platform": platform.platform(),
        "architecture": platform.machine(),
        "python_version": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "memory_gb": round(_memory() / 1e9, 2),
        "cpu_count": os.cpu_count() or 1,
        "glibc": ".".join(map(str, glibc)) if glibc else None,
        "installer_version": __version__,
    }


def _memory() -> int:
    """Return the memory of this host in bytes, or 0 if unknown: a chroot may lack /proc."""
    with contextlib.suppress(Exception):  # psutil raises many kinds of errors, and none is worth failing a report
        import psutil

        return int(psutil.virtual_memory().total)
    try:
        return max(0, os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0
