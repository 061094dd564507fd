"""The input of a recovery and the plan that follows from it, which ``validate`` foresees and a dry run shows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from installer.change import retention
from installer.trust.available import Available
from recovery.inspection.inspection import Known, inspect
from recovery.inspection.reported import doubts_store, notes_on, require_fitting
from recovery.planning.plan_input import PlanInput
from recovery.planning.planner import make_plan
from shared.i18n import plural
from validator.result import Repair

if TYPE_CHECKING:
    from installer.layout.misplaced import Misplaced
    from installer.layout.prefix import Prefix
    from installer.release.digests import Digests
    from installer.trust.admission import AdmittedBundle
    from recovery.inspection.inspection import Inspection
    from recovery.planning.plan import Plan
    from validator.report import Report


@dataclass(frozen=True)
class RecoverRequest:
    """The input of a recovery: a diagnosis as a hint, the available bundle and policy, and the admitted bundle.

    ``allow_unlocked`` permits other stored versions in place of lost packages; the resulting set is not signed.
    ``wait`` is the time in seconds to wait for another run to finish. With ``reads_store``, or a report that doubts the
    store, stored wheels that the repair does not use are read too.
    """

    report: Report | None = None
    available: Available = field(default_factory=Available)
    allow_unlocked: bool = False
    wait: float = 0.0
    admitted: AdmittedBundle | None = None
    reads_store: bool = False

    def admit(self) -> RecoverRequest:
        """Return a copy with the available bundle, if it may be installed.

        If it may not, the error is raised if the operator named the bundle, and otherwise ignored.
        """
        return replace(self, admitted=self.available.admit())


NOTHING = RecoverRequest()


def inspect_and_plan(
    prefix: Prefix,
    request: RecoverRequest = NOTHING,
    digests: Digests | None = None,
    misplaced: tuple[Misplaced, ...] | None = None,
) -> tuple[Plan, Inspection]:
    """Inspect an installation and return the plan and the inspection; nothing is written.

    ``digests`` caches the digests of recently hashed files; ``misplaced`` is the result of an earlier find_misplaced.
    """
    if request.report is not None:
        require_fitting(request.report, prefix)
    reads_store = request.reads_store or (request.report is not None and doubts_store(request.report))
    inspection = inspect(prefix, Known(reads_store, request.available.policy, digests, misplaced))
    plan = make_plan(
        PlanInput(inspection, request.admitted.bundle if request.admitted else None, request.allow_unlocked)
    )
    plan = replace(
        plan, removes=removed_by(plan, inspection, request.admitted), notes=(*plan.notes, *unread(inspection))
    )
    if request.report is not None:
        plan = replace(plan, notes=(*plan.notes, *notes_on(request.report, inspection)))
    return plan, inspection


def unread(inspection: Inspection) -> tuple[str, ...]:
    """Return a note if stored wheels were not read."""
    if not inspection.unread:
        return ()
    text = plural(
        "{count} stored wheel that this repair does not use was not read; validate reads it.",
        "{count} stored wheels that this repair does not use were not read; validate reads them.",
        inspection.unread,
    )
    return (text.format(count=inspection.unread),)


def removed_by(
    plan: Plan, inspection: Inspection, admitted: AdmittedBundle | None
) -> tuple[retention.PlannedRemoval, ...]:
    """Return the releases that are removed if a plan is carried out."""
    if not plan.replacing:
        return ()
    return retention.planned_removals(
        inspection.prefix, plan.replacing[-1].next_release(inspection, admitted), is_damaged=True
    )


def foresee(prefix: Prefix, available: Available, digests: Digests) -> Repair:
    """Return what a recovery would repair now, for the advice of validate."""
    request = RecoverRequest(available=available, reads_store=True).admit()
    plan = inspect_and_plan(prefix, request, digests)[0]
    return Repair(frozenset(finding.kind for finding in plan.findings), plan.repaired, plan.unmet)
