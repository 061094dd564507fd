"""The errors that ``bootstrap.api`` raises, under their public import path (docs/api.md)."""

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
