"""Runs checks: concurrently if they only inspect, one at a time if they measure.

A check that crashes, hangs or yields no result gets the result ERROR; the others continue.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import troubles
from shared.errors import RagtraceError, UsageError
from shared.i18n import _
from shared.processes import process
from validator.check import CATEGORIES, EFFORTS, ERROR, FULL, NORMAL, Check, CheckResult, Choice, UncheckedError
from validator.remedy import decide_remedies

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shared.terminal.progress import Progress
    from shared.terminal.waiting import Pending
    from validator.subject import Subject

LOG = logging.getLogger("ragtrace")
# programs that a check runs are stopped at its time limit; the check then has this long to report that
GRACE = 10.0  # seconds


@dataclass(frozen=True)
class Selection:
    """The checks to run: those of the given categories and identifiers, or all if neither is given, without ``skip``.

    Checks above ``effort`` run only if they are named by identifier.
    """

    categories: Collection[str] = ()
    ids: Collection[str] = ()
    skip: Collection[str] = ()
    effort: str = NORMAL


def select(checks: Sequence[type[Check]], wanted: Selection = Selection()) -> list[type[Check]]:
    """Return the selected checks. Raises UsageError if a name is unknown or no check is left."""
    categories = {category.casefold() for category in wanted.categories}
    known = {check.id for check in checks}
    for name in (*wanted.ids, *wanted.skip):
        if name not in known:
            raise UsageError(
                _("{name} is not a check.").format(name=name[:80]),
                advice=_("Specify one of {known}.").format(known=", ".join(sorted(known))),
            )
    unknown = categories - {category.casefold() for category in CATEGORIES}
    if unknown:
        raise UsageError(
            _("{name} is not a category.").format(name=min(unknown)[:80]),
            advice=_("Specify one of {known}.").format(known=", ".join(CATEGORIES)),
        )
    everything = not categories and not wanted.ids
    efforts = EFFORTS[: EFFORTS.index(wanted.effort) + 1]
    chosen = [
        check
        for check in checks
        if check.id not in wanted.skip
        and (
            check.id in wanted.ids
            or (check.effort in efforts and (everything or check.category.casefold() in categories))
        )
    ]
    if not chosen:
        raise UsageError(_("No checks to run."), advice=_("Exclude fewer with --skip."))
    return chosen


def choice_of(checks: Sequence[type[Check]], chosen: Collection[type[Check]], effort: str) -> Choice:
    """Return the effort, and the checks of a default run that were not chosen."""
    left_out = tuple(check for check in checks if check.effort != FULL and check not in chosen)
    return Choice(effort, left_out)


def run_checks(subject: Subject, checks: Sequence[type[Check]], progress: Progress) -> list[CheckResult]:
    """Run checks and return their results with remedies, in the order of ``checks``."""
    looking = [check for check in checks if not check.measures]
    measuring = [check for check in checks if check.measures]
    found: dict[str, list[CheckResult]] = {}
    try:
        if looking:
            with progress.wait(_("Checking the host and the installation")) as pending:
                found.update(_run_side_by_side(subject, looking, max(2, os.cpu_count() or 1), pending))
        if measuring:
            with progress.wait(_("Measuring performance")) as pending:
                found.update(_run_side_by_side(subject, measuring, 1, pending))
    except BaseException:
        process.stop_all()
        raise
    return decide_remedies([result for check in checks for result in found[check.id]], subject, progress)


class _Run(threading.Thread):
    """A check running in its own daemon thread, so that a check that never ends does not block the exit of the tool."""

    def __init__(self, kind: type[Check], subject: Subject, ended: queue.SimpleQueue[_Run]) -> None:
        super().__init__(daemon=True, name=kind.id)
        self.check = kind(subject.timeout)
        self.subject = subject
        self.ended = ended
        self.given_up_at = time.monotonic() + self.check.limit + GRACE
        self.start()

    def run(self) -> None:
        self.results = list(results_of(self.check, self.subject))
        self.ended.put(self)


def _run_side_by_side(
    subject: Subject, checks: Sequence[type[Check]], at_once: int, pending: Pending
) -> dict[str, list[CheckResult]]:
    waiting, running, found = deque(checks), set[_Run](), dict[str, list[CheckResult]]()
    ended: queue.SimpleQueue[_Run] = queue.SimpleQueue()
    while waiting or running:
        while waiting and len(running) < at_once:
            running.add(_Run(waiting.popleft(), subject, ended))
        pending.about(", ".join(sorted(run.check.title() for run in running)))
        next_limit = min(run.given_up_at for run in running)
        try:
            run = ended.get(timeout=max(0.0, next_limit - time.monotonic()))
        except queue.Empty:
            run = min(running, key=lambda run: run.given_up_at)
            found[run.check.id] = [_given_up(run.check)]
        else:
            found.setdefault(run.check.id, run.results)  # ignore the end of a check that has already timed out
        running.discard(run)
    for result in (result for results in found.values() for result in results):
        LOG.info("%s %s %s: %s", result.status, result.id, result.check_name, result.details)
    return found


def _given_up(check: Check) -> CheckResult:
    details = _("the check timed out after {limit:.0f} s").format(limit=check.limit)
    return replace(check.result(ERROR, details), seconds=round(time.monotonic() - check.started, 3))


def results_of(check: Check, subject: Subject) -> list[CheckResult]:
    """Run one check to its end; any exception becomes its last result."""
    results: list[CheckResult] = []
    try:
        for result in check.run(subject):
            results.append(_timed(check, result, results))
        if not results:
            raise UncheckedError(ERROR, _("the check returned no result"))
    except UncheckedError as reason:
        results.append(_timed(check, check.result(reason.status, reason.reason), results))
    except RagtraceError as error:
        results.append(_timed(check, check.result(ERROR, error.what, suggestion=error.advice), results))
    except OSError as error:
        reported = troubles.words(error)
        results.append(
            _timed(check, check.result(ERROR, reported.what.rstrip("."), suggestion=reported.advice), results)
        )
    except Exception as error:  # a crashing check must not end the run
        LOG.exception("check %s broke", check.id)
        details = _("the check crashed: {kind}: {text}").format(kind=type(error).__name__, text=error)
        results.append(_timed(check, check.result(ERROR, details), results))
    return results


def _timed(check: Check, result: CheckResult, before: list[CheckResult]) -> CheckResult:
    spent = time.monotonic() - check.started - sum(earlier.seconds for earlier in before)
    return replace(result, seconds=round(max(0.0, spent), 3))
