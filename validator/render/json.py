"""Renders a report as JSON, for programs and for ``recover``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from validator.report import to_bytes

if TYPE_CHECKING:
    from validator.report import Report


def render(report: Report) -> str:
    """Return the report as one JSON document without a trailing newline."""
    return to_bytes(report).decode().rstrip("\n")
