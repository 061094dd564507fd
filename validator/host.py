"""Describes this host for a report: its platform, and an identifier that distinguishes it from other hosts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import socket
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


def host_id() -> str:
    """Return 16 hex digits that identify this host.

    They are an application-specific hash of the machine ID, as machine-id(5) requires, or else of the host name.
    """
    try:
        with open("/etc/machine-id", "rb") as file:
            identity = file.read(128).strip()
    except OSError:
        identity = b""
    return hashlib.sha256(b"ragtrace-report@v1\0" + (identity or os.fsencode(socket.gethostname()))).hexdigest()[:16]
