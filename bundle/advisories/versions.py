"""Intervals of versions: ``[1.0,2.0)`` contains 1.0 and every pre-release of 2.0, but not 2.0.

Versions are ordered by PEP 440. Only the public part of a local version counts: ``2.6.0+cu124`` is 2.6.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from packaging.version import InvalidVersion, Version

from bundle import strict
from bundle.strict import refuse
from shared.i18n import _

FIRST = Version("0.dev0")  # the lowest version of epoch 0 (PEP 440); "0" in OSV


@dataclass(frozen=True)
class Interval:
    """The versions between two bounds; ``high`` is None if there is no upper bound."""

    low: Version
    low_closed: bool
    high: Version | None
    high_closed: bool

    def holds(self, version: Version) -> bool:
        """Return whether the interval contains a public version."""
        if version < self.low or (version == self.low and not self.low_closed):
            return False
        return self.high is None or version < self.high or (version == self.high and self.high_closed)

    def __str__(self) -> str:
        high = "" if self.high is None else self.high
        return f"{'[' if self.low_closed else '('}{self.low},{high}{']' if self.high_closed else ')'}"

    def specifier(self) -> str:
        """Return the equivalent specifier set (PEP 440).

        ``<FIXED`` would exclude FIXED's pre-releases, so it becomes ``<=FIXED,!=FIXED``; only
        ``>=0.dev0`` allows pre-releases at all.
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
    """Return the public part of a version (PEP 440), or None if it is not a version."""
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    return Version(version.public) if version.local else version


def parse_interval(value: Any, path: str) -> Interval:
    """Parse an interval in its canonical form. Raises TrustError for anything else."""
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
