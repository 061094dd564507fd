"""Read a diagnosis written by validate, as a hint for a recovery.

A diagnosis is untrusted: its failed checks result only in notes, and nothing in it becomes a path or a command. The
repair depends on the inspection of this host alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.logs.host import host_id
from installer.logs.identity import identity_of
from shared import reading, troubles
from shared.errors import TrustError, UsageError
from shared.i18n import _
from validator.check import ERROR, FAIL, PASS, RECOVER
from validator.checks.application.store import StoredFiles
from validator.finding_kinds import causes_of
from validator.registry import CHECKS
from validator.report import LIMIT, Report, parse_report

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from recovery.inspection.inspection import Inspection


def read_diagnosis(path: Path) -> Report:
    """Read a diagnosis. Raises UsageError if it cannot be read, TrustError if its format is invalid."""
    try:
        with reading.opened(path, follow=True) as file:
            data = file.read(LIMIT + 1)  # the parser refuses a file with one byte more
    except OSError as error:
        wanted = _("Specify a diagnosis written by validate, or run recover without one.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    try:
        return parse_report(data, path.name)
    except TrustError as error:
        raise TrustError(
            _("This is not a diagnosis written by validate: {reason}").format(reason=error.what),
            advice=_("Recreate the diagnosis with `validate --output`, or run recover without a diagnosis."),
        ) from error


def require_fitting(report: Report, prefix: Prefix) -> None:
    """Raise UsageError if a diagnosis is from another host, or about a release other than the active one."""
    active = prefix.active()
    is_elsewhere = report.identity is not None and not report.identity.is_same_host(identity_of(prefix))
    if is_elsewhere or (report.host is not None and report.host != host_id()):
        raise UsageError(
            _("The diagnosis was made on another host."),
            advice=_("Run validate here, or run recover without a diagnosis."),
        )
    if report.release is not None and active is not None and report.release != active.id:
        raise UsageError(
            _("The diagnosis is not for the active release {release}.").format(release=active.id),
            advice=_("Run validate again, or run recover without a diagnosis."),
        )


def doubts_store(report: Report) -> bool:
    """Return whether the check of the stored files did not pass."""
    return any(result.id == StoredFiles.id and result.status != PASS for result in report.results)


def notes_on(report: Report, inspection: Inspection) -> tuple[str, ...]:
    """Return notes on those failed checks of a diagnosis that no finding explains; they quote nothing from it."""
    titles = {check.id: check for check in CHECKS}
    failed = {result.id: result.remedy for result in report.results if result.status in (FAIL, ERROR)}
    # a problem that recover could have repaired but does not find now has been repaired since the diagnosis
    gone: list[str] = []
    unexplained: list[str] = []
    for name, remedy in failed.items():
        if name in titles and not inspection.of_kind(*causes_of(name)):
            (gone if remedy == RECOVER else unexplained).append(titles[name]().title())
    notes = []
    if gone:
        notes.append(_("The diagnosis reports problems that no longer exist: {names}.").format(names=", ".join(gone)))
    if unexplained:
        text = _("These problems are not caused by damage; run validate again and follow its advice: {names}.")
        notes.append(text.format(names=", ".join(unexplained)))
    return tuple(notes)
