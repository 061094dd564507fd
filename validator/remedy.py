"""What helps against what a check saw: decided here, for the advice of validate and for what recover says of a report.

A check that saw something which a repair may fix says so by the remedy RECOVER. Whether recover repairs it is asked of
recovery itself, after all checks have run: what validate advises is what recover does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _
from validator.result import BUNDLE, FAIL, OPERATOR, RECOVER, RECOVER_OR_BUNDLE, WARN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.terminal.progress import Progress
    from validator.result import CheckResult, Repair
    from validator.subject import Subject

# what a finding of recovery is about
CRASH, POINTER, SEAL, RECEIPT, MANIFEST, PACKAGE, ENVIRONMENT, INTERPRETER = (
    "crash",
    "current",
    "seal",
    "receipt",
    "manifest",
    "package",
    "environment",
    "interpreter",
)
# a place of PREFIX that is not what it must be; owners and modes; the user's data
PLACE, RIGHTS, DATA = "place", "rights", "data"
APPLICATION, MODEL, RUN_FILES, STORE, LAUNCHER, SETTINGS, METADATA, UNLOCKED = (
    "application",
    "model",
    "release",
    "store",
    "launcher",
    "settings",
    "papers",
    "unlocked",
)
# findings of these kinds need a new release
OF_THE_RELEASE = (RECEIPT, MANIFEST, PACKAGE, ENVIRONMENT, INTERPRETER, APPLICATION, MODEL, RUN_FILES)
_RUNS = (*OF_THE_RELEASE, LAUNCHER)
_BUT_MODELS = tuple(kind for kind in OF_THE_RELEASE if kind != MODEL)
# the findings that explain why a check failed; other checks inspect what no repair repairs
CAUSES: dict[str, tuple[str, ...]] = {
    "packages.conflicts": _BUT_MODELS,
    "packages.imports": _BUT_MODELS,
    "packages.record": _BUT_MODELS,
    "packages.versions": (*_BUT_MODELS, UNLOCKED),
    "performance.matrix": _BUT_MODELS,
    "ragtrace.cli": _RUNS,
    "ragtrace.container": _BUT_MODELS,
    "ragtrace.dashboard": _RUNS,
    "ragtrace.data": (APPLICATION,),
    "ragtrace.places": (PLACE, CRASH, METADATA, POINTER, LAUNCHER, STORE, *OF_THE_RELEASE),
    "ragtrace.models": (MODEL,),
    "ragtrace.probe": _RUNS,
    "ragtrace.release": (POINTER, SEAL, *_BUT_MODELS),
    "ragtrace.store": (STORE,),
    "security.copies": (METADATA, RUN_FILES),
    "security.integrity": (SEAL, *OF_THE_RELEASE, UNLOCKED),
    "security.permissions": (SETTINGS, RIGHTS, STORE, *OF_THE_RELEASE),
    "security.receipt": (RECEIPT, SEAL),
    "security.signed": (STORE, *OF_THE_RELEASE, UNLOCKED),
    "system.python": _BUT_MODELS,
}
PLUGINS = "plugin."  # how the identifiers of checks of others begin


def causes_of(check: str) -> tuple[str, ...]:
    """Return the kinds of findings that explain why a check failed; none where no repair helps."""
    return (RUN_FILES,) if check.startswith(PLUGINS) else CAUSES.get(check, ())


def settle(results: Sequence[CheckResult], subject: Subject, progress: Progress) -> list[CheckResult]:
    """Give each result the remedy that helps, and its words; recovery is asked once, where it could help."""
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

    1. What recover does not find, it does not repair: the check's own advice, or where else to look.
    2. What it finds and cannot repair needs what recover says.
    3. All else is repaired by recover.
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
    """Return a result that recover does not help with: with its own advice, or else with this."""
    remedy = BUNDLE if result.remedy == RECOVER_OR_BUNDLE else OPERATOR
    return replace(result, remedy=remedy, suggestion=result.suggestion or advice)


def _as_it_is(result: CheckResult) -> CheckResult:
    """Return a result that says itself what to do; nothing is done about what is not bad."""
    if result.status not in (FAIL, WARN):
        return replace(result, remedy=None)
    return result if result.remedy or not result.suggestion else replace(result, remedy=OPERATOR)


def unexplained() -> str:
    """Return what to do about a failure that no damage explains."""
    return _(
        "No installed file is damaged, so recover would change nothing. Check the message, this host "
        "(memory, libraries, permissions), .env and the data."
    )
