"""A single fault of an installation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A single fault: its kind, the name of the affected part, a description, and the affected files."""

    kind: str
    name: str
    details: str
    files: tuple[str, ...] = ()
