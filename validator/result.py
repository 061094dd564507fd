"""The result of a check: statuses, remedies, the result itself, and the exception for a check that cannot run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PASS, WARN, FAIL, SKIP, ERROR = "PASS", "WARN", "FAIL", "SKIP", "ERROR"
STATUSES = (PASS, WARN, FAIL, SKIP, ERROR)
# remedies: recover, a bundle, or the operator of the host; a check that suggests a repair may add the bundle
# for damage that recover cannot repair (validator/remedy.py decides)
RECOVER, BUNDLE, OPERATOR, RECOVER_OR_BUNDLE = "recover", "bundle", "operator", "recover or bundle"
REMEDIES = (RECOVER, BUNDLE, OPERATOR)


@dataclass(frozen=True)
class CheckResult:
    """One result of a check. ``id`` and ``evidence`` are for programs; other strings are single lines for users.

    ``performance_metric`` maps each name to ``{"value": number, "unit": text}``. ``evidence`` holds JSON values that
    recovery may use as a hint; it proves nothing. ``seconds`` is the time that the result took. ``remedy`` is one of
    REMEDIES, or None.
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
    """Raised by a check that cannot inspect its subject, with the status (SKIP or ERROR) and the reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Repair:
    """The kinds of damage that recover finds now, those that it repairs, and what it needs for the rest."""

    found: frozenset[str]
    repaired: frozenset[str]
    unmet: str = ""
