"""Decides the remedy of each result: for the advice of validate, and for what recover reports about a diagnosis.

A check that found a problem that a repair may fix sets the remedy RECOVER or RECOVER_OR_BUNDLE. After all checks have
run, recovery itself determines whether it would repair the problem, so that validate advises only what recover does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _
from validator.finding_kinds import causes_of
from validator.result import BUNDLE, FAIL, OPERATOR, RECOVER, RECOVER_OR_BUNDLE, WARN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.terminal.progress import Progress
    from validator.result import CheckResult, Repair
    from validator.subject import Subject


def decide_remedies(results: Sequence[CheckResult], subject: Subject, progress: Progress) -> list[CheckResult]:
    """Set the remedy and suggestion of each result; recovery is consulted once, and only if it could help."""
    repair, trouble = None, ""
    if subject.foresee is not None and any(_may_be_repaired(result) for result in results):
        try:
            with progress.wait(_("Checking what recover would do")):
                repair = subject.foresee()
        except RagtraceError as error:
            trouble = f"{error.what} {error.advice}".strip()
        except OSError as error:
            trouble = troubles.described(error)
    if trouble:
        return [_other(result, trouble) if _may_be_repaired(result) else _as_it_is(result) for result in results]
    return [_settled(result, subject, repair) for result in results]


def _may_be_repaired(result: CheckResult) -> bool:
    return result.remedy in (RECOVER, RECOVER_OR_BUNDLE)


def _settled(result: CheckResult, subject: Subject, repair: Repair | None) -> CheckResult:
    """Return a result with its remedy.

    1. If recover does not find the damage, it does not repair it: use the check's own advice, or suggest other causes.
    2. If recover finds it but cannot repair it, use the requirement that recover reports.
    3. Otherwise recover repairs it.
    """
    if not _may_be_repaired(result):
        return _as_it_is(result)
    found = repair.found.intersection(causes_of(result.id)) if repair else frozenset()
    if repair and not found:
        return _other(result, unexplained())
    if repair and not found <= repair.repaired:
        command = subject.tool("recover", "--bundle", "FOLDER")
        return replace(result, remedy=BUNDLE, suggestion=repair.unmet, command=command)
    return replace(result, remedy=RECOVER, suggestion=subject.write_report(), command=subject.recover_command())


def _other(result: CheckResult, advice: str) -> CheckResult:
    """Return a result that recover does not fix, with its own advice or else the given one."""
    remedy = BUNDLE if result.remedy == RECOVER_OR_BUNDLE else OPERATOR
    return replace(result, remedy=remedy, suggestion=result.suggestion or advice)


def _as_it_is(result: CheckResult) -> CheckResult:
    """Return a result with the remedy that the check set, or without one if nothing is wrong."""
    if result.status not in (FAIL, WARN):
        return replace(result, remedy=None)
    return result if result.remedy or not result.suggestion else replace(result, remedy=OPERATOR)


def unexplained() -> str:
    """Return the advice for a failure that no damage explains."""
    return _(
        "Read the error message and check this host (memory, libraries, permissions), .env and the data; recover "
        "finds no damage that explains this problem."
    )
