"""What a host shows, real or in memory."""

from __future__ import annotations

from typing import NamedTuple


class Seen(NamedTuple):
    """What a host shows after an operation."""

    active: int
    back: int
    data: dict
    env: str | None
    memory: int
    policy: int
    backups: tuple
    stored: tuple
    hurt: frozenset
    files: int
    bytes: int
