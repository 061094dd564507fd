"""Intervals of versions: ``[1.0,2.0)`` holds 1.0 and every pre-release of 2.0, but not 2.0.

Versions are ordered by PEP 440. A local version counts by its public part: ``2.6.0+cu124`` is 2.6.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from packaging.version import InvalidVersion, Version

from bundle import strict
from bundle.strict import refuse
from shared.i18n import _

FIRST = Version("0.dev0")  # nothing of epoch 0 is lower (PEP 440): where OSV says "0"


@dataclass(frozen=True)
class Interval:
    """The versions between two bounds; no upper bound is None."""

    low: Version
    low_closed: bool
    high: Version | None
    high_closed: bool

    def holds(self, version: Version) -> bool:
        """Return whether a public version is inside."""
        if version < self.low or (version == self.low and not self.low_closed):
            return False
        return self.high is None or version < self.high or (version == self.high and self.high_closed)

    def __str__(self) -> str:
        high = "" if self.high is None else self.high
        return f"{'[' if self.low_closed else '('}{self.low},{high}{']' if self.high_closed else ')'}"

    def specifier(self) -> str:
        """Return the interval as a specifier set that means the same under PEP 440.

        ``<FIXED`` would lose FIXED's pre-releases, so it is ``<=FIXED,!=FIXED``; ``>=0.dev0`` lets
        pre-releases in at all.
        """
        parts = [f">={FIRST}"]
        if self.low != FIRST:
            parts.append(f">={self.low}")
        if not self.low_closed:
            parts.append(f"!={self.low}")
        if self.high is not None:
            parts.append(f"<={self.high}")
            if not self.high_closed:
                parts.append(f"!={self.high}")
        return ",".join(parts)


@lru_cache(maxsize=4096)
def public(text: str) -> Version | None:
    """Return the public part of a version (PEP 440), None for a text that is no version."""
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    return Version(version.public) if version.local else version


def parse_interval(value: Any, path: str) -> Interval:
    """Read an interval in the one way that it is written. Raises TrustError."""
    interval = _interval(strict.text(value, path))
    if interval is None:
        raise refuse(path, _("not a version range"))
    return interval


@lru_cache(maxsize=4096)
def _interval(text: str) -> Interval | None:
    low, _comma, high = text[1:-1].partition(",")
    try:
        interval = Interval(Version(low), text[0] == "[", Version(high) if high else None, text[-1] == "]")
    except InvalidVersion:
        return None
    return interval if str(interval) == text else None
