"""The errors that the functions of ``bootstrap.api`` raise, under the name that programs import (docs/api.md)."""

from __future__ import annotations

from shared.errors import (
    BuildError,
    BusyError,
    HostError,
    InstallError,
    RagtraceError,
    ToolError,
    TrustError,
    UsageError,
)

__all__ = [
    "BuildError",
    "BusyError",
    "HostError",
    "InstallError",
    "RagtraceError",
    "ToolError",
    "TrustError",
    "UsageError",
]
