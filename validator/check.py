"""The base class of all checks, with the limits on their output.

A check inspects one thing and yields at least one result. It never writes into the release, the user's data
or the settings. Anything that could not be inspected is reported as SKIP or ERROR with the reason, never as PASS.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from shared.i18n import _
from shared.terminal.console import printable
from validator.result import (
    BUNDLE,
    ERROR,
    FAIL,
    OPERATOR,
    PASS,
    RECOVER,
    RECOVER_OR_BUNDLE,
    REMEDIES,
    SKIP,
    STATUSES,
    WARN,
    CheckResult,
    UncheckedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from validator.subject import Subject

# everything needed to write a check, re-exported from one place
__all__ = [
    "APPLICATION", "BUNDLE", "CATEGORIES", "DETAILS_LIMIT", "EFFORTS", "ERROR", "EVIDENCE_LIMIT", "FAIL", "FULL",
    "KNOWN_UNTIL", "NAMES_SHOWN", "NORMAL", "OPERATOR", "PACKAGES", "PASS", "PERFORMANCE", "QUICK", "RECOVER",
    "RECOVER_OR_BUNDLE", "REMEDIES", "SECURITY", "SKIP", "STATUSES", "SYSTEM", "TOOLS", "WARN", "Check", "CheckResult",
    "Choice", "UncheckedError", "plain", "plain_value", "some_of",
]  # fmt: skip
SYSTEM, TOOLS, PACKAGES, APPLICATION, PERFORMANCE, SECURITY = (
    "System",
    "Tools",
    "Packages",
    "RAGTrace",  # placeholder for the installed application, whose title is displayed instead
    "Performance",
    "Security",
)
CATEGORIES = (SYSTEM, TOOLS, PACKAGES, APPLICATION, PERFORMANCE, SECURITY)
# cost of a check: --quick runs only QUICK ones; --full adds the FULL ones, which write files or take minutes
QUICK, NORMAL, FULL = "quick", "normal", "full"
EFFORTS = (QUICK, NORMAL, FULL)
DETAILS_LIMIT = 4000  # characters per string in a report
NAMES_SHOWN = 5  # maximum number of names listed in a sentence; evidence has the rest
EVIDENCE_LIMIT = 10_000  # items per list in evidence
KNOWN_UNTIL = "known_until"  # in evidence: the time up to which the advisories of this host are complete


@dataclass(frozen=True)
class Choice:
    """The requested effort, one of EFFORTS, and the checks of a default run that are left out."""

    effort: str
    left_out: tuple[type[Check], ...]


class Check(ABC):
    """Base class of a check, which inspects one thing.

    ``time_limit`` is in seconds. If ``measures`` is true, the check runs alone. ``effort`` is one of EFFORTS.
    """

    id: ClassVar[str]
    category: ClassVar[str]
    time_limit: ClassVar[float] = 60.0
    measures: ClassVar[bool] = False
    effort: ClassVar[str] = QUICK

    def __init__(self, limit: float | None = None) -> None:
        self.limit = self.time_limit if limit is None else limit
        self.started = time.monotonic()

    @abstractmethod
    def title(self) -> str:
        """Return the check's name in the operator's language."""

    @abstractmethod
    def run(self, subject: Subject) -> Iterator[CheckResult]:
        """Inspect the subject and yield at least one result."""

    def left(self, most: float | None = None) -> float:
        """Return the remaining seconds, at least 0.1 and at most ``most``, as the timeout of the next program."""
        left = max(0.1, self.started + self.limit - time.monotonic())
        return left if most is None else min(left, most)

    @property
    def is_over(self) -> bool:
        """Whether the time limit has been reached, so that the remaining parts cannot be inspected."""
        return time.monotonic() >= self.started + self.limit

    def untried(self, **more: Any) -> CheckResult:
        """Return an ERROR result for a part that was not tried because no time was left."""
        return self.result(ERROR, _("not tried: no time was left; increase --timeout"), **more)

    def result(
        self,
        status: str,
        details: str,
        *,
        suggestion: str = "",
        command: str = "",
        remedy: str | None = None,
        metric: dict[str, tuple[float, str]] | None = None,
        evidence: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> CheckResult:
        """Create a result of this check; ``metric`` maps each name to its value and unit."""
        metrics = {key: {"value": value, "unit": unit} for key, (value, unit) in (metric or {}).items()}
        return CheckResult(
            id=self.id,
            category=self.category,
            check_name=plain(name or self.title()),
            status=status,
            details=plain(details),
            suggestion=plain(suggestion),
            command=plain(command),
            performance_metric=metrics or None,
            evidence=plain_value(evidence or {}),
            remedy=remedy,
        )

    def passed(self, details: str, **more: Any) -> CheckResult:
        return self.result(PASS, details, **more)

    def warned(self, details: str, **more: Any) -> CheckResult:
        return self.result(WARN, details, **more)

    def failed(self, details: str, **more: Any) -> CheckResult:
        return self.result(FAIL, details, **more)


def plain(text: str) -> str:
    """Return a string as one line without control characters, truncated to DETAILS_LIMIT characters."""
    if text.isprintable() and len(text) <= DETAILS_LIMIT and text == text.strip():
        return text  # as it is, which may be a Message
    # file names may contain bytes that are not UTF-8, which Python decodes as surrogates
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    shown = printable(text).strip()
    return shown if len(shown) <= DETAILS_LIMIT else shown[: DETAILS_LIMIT - 1] + "…"


def plain_value(value: Any) -> Any:
    """Return a JSON value with every string passed through ``plain`` and every list cut to EVIDENCE_LIMIT items."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value[:EVIDENCE_LIMIT]]
    return value


def some_of(names: Iterable[str]) -> str:
    """Return the first NAMES_SHOWN names, comma-separated, followed by the number of the others."""
    listed = list(names)
    more = len(listed) - NAMES_SHOWN
    return ", ".join(listed[:NAMES_SHOWN]) + (f" (+{more})" if more > 0 else "")
