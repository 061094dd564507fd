"""CVSS base scores of an OSV record: v3 and v4, of which the higher one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cvss import CVSS3, CVSS4  # type: ignore[import-untyped]
from cvss.exceptions import CVSSError  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = {"CVSS_V3": CVSS3, "CVSS_V4": CVSS4}


def highest(severities: Iterable[Any]) -> float | None:
    """Return the highest base score of severities (OSV schema, ``severity[]``), or None if there is none."""
    return max((score for score in map(base_score, severities) if score is not None), default=None)


def base_score(severity: Any) -> float | None:
    """Return the base score of one severity, or None if it uses another system or its vector is invalid."""
    kind = KINDS.get(str(severity.get("type"))) if isinstance(severity, dict) else None
    if kind is None:
        return None
    try:
        found = kind(severity.get("score", ""))
        # a v4 score includes all metrics of its vector; exploit maturity (E) is not a base metric
        return float(found.base_score if kind is CVSS3 else CVSS4(_base(found.vector)).base_score)
    except (CVSSError, TypeError, AttributeError):
        return None


def _base(vector: str) -> str:
    """Return a v4 vector with its base metrics only, so that its score is CVSS-B (CVSS v4.0, section 1.3)."""
    names = {"AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"}
    head, *metrics = vector.split("/")
    return "/".join([head, *(metric for metric in metrics if metric.partition(":")[0] in names)])
