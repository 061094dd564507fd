"""The severity of a finding: levels of CVSS, and the two tables that map a level to a status.

Levels are the qualitative ratings of CVSS v3.1 (section 5) and v4.0 (section 6); ``unknown`` is an advisory
without a score.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("none", "low", "medium", "high", "critical", "unknown")
RANK = {"none": 0, "low": 1, "unknown": 2, "medium": 3, "high": 4, "critical": 5}
DEFAULT, STRICT = "default", "strict"
PASS, WARN, FAIL = "PASS", "WARN", "FAIL"
TABLES: Mapping[str, Mapping[str, str]] = {
    DEFAULT: {"none": PASS, "low": PASS, "medium": WARN, "high": FAIL, "critical": FAIL, "unknown": WARN},
    STRICT: {"none": PASS, "low": WARN, "medium": FAIL, "high": FAIL, "critical": FAIL, "unknown": FAIL},
}
# the levels that fail a build: the given level or a higher one; "any" includes advisories without a score
NEVER = "never"
GATES: Mapping[str, frozenset[str]] = {
    NEVER: frozenset(),
    "critical": frozenset({"critical"}),
    "high": frozenset({"critical", "high"}),
    "medium": frozenset({"critical", "high", "medium"}),
    "low": frozenset({"critical", "high", "medium", "low"}),
    "any": frozenset(LEVELS),
}
OLD = timedelta(days=30)  # if the snapshot is older, the status is at least WARN
STALE = timedelta(days=90)  # from then on an empty result means nothing
AHEAD = timedelta(days=1)  # correctly set clocks differ by less, even with a wrong time zone


def level_of(score: float | None) -> str:
    """Return the level of a CVSS base score."""
    if score is None:
        return "unknown"
    bounds = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
    return next((level for least, level in bounds if score >= least), "none")


def worst(statuses: list[str]) -> str:
    """Return the worst status, or PASS if there are none."""
    return max(statuses, key=(PASS, WARN, FAIL).index, default=PASS)
