"""A single fault of an installation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A single fault: its kind, the name of the affected part, a description, and the affected files.

    The kinds are in ``validator/finding_kinds.py``, below this room: by them, validate says which of its checks a
    recovery helps, without importing it.
    """

    kind: str
    name: str
    details: str
    files: tuple[str, ...] = ()
