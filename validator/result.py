"""What a check answers with: statuses, what helps, the result itself, and the answer that there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PASS, WARN, FAIL, SKIP, ERROR = "PASS", "WARN", "FAIL", "SKIP", "ERROR"
STATUSES = (PASS, WARN, FAIL, SKIP, ERROR)
# what helps: recover, a bundle, or whoever looks after the host; a check that asks for a repair may name the bundle
# for what no repair repairs (validator/remedy.py settles it)
RECOVER, BUNDLE, OPERATOR, RECOVER_OR_BUNDLE = "recover", "bundle", "operator", "recover or bundle"
REMEDIES = (RECOVER, BUNDLE, OPERATOR)


@dataclass(frozen=True)
class CheckResult:
    """What was seen. Texts are one line, for people; ``id`` and ``evidence`` are for machines.

    ``performance_metric`` maps a name to ``{"value": number, "unit": text}``. ``evidence`` holds
    JSON values that recovery may read as a hint, and proves nothing. ``seconds`` is how long
    it took to see it. ``remedy`` is one of REMEDIES, or
    None.
    """

    id: str
    category: str
    check_name: str
    status: str
    details: str
    suggestion: str = ""
    command: str = ""
    performance_metric: dict[str, dict[str, Any]] | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


class UncheckedError(Exception):
    """Raised by a check that cannot look, with the status (SKIP or ERROR) and the reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Repair:
    """What recover would do now: the kinds of what it finds, those that it repairs, and what it needs for the rest."""

    found: frozenset[str]
    repaired: frozenset[str]
    unmet: str = ""
