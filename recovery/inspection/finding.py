"""One thing that is wrong with an installation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what it is about, the name of what is hit, the files, a sentence."""

    kind: str
    name: str
    details: str
    files: tuple[str, ...] = ()
