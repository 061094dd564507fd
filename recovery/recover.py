"""The steps of a recovery: inspect, plan, confirm, back up, then repair in place or activate another release."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable

from installer.advisories import retained_list
from installer.change import retention
from installer.change.outcome import explained
from installer.layout import seal
from installer.layout.misplaced import find_misplaced, refuse_linked_folders
from installer.logs import audit_log
from installer.trust.admission import remember
from installer.userdata import backups
from recovery.repair.another_release import Reinstall
from recovery.repair.in_place import RepairMisplaced
from recovery.repair.remedy import RepairContext
from recovery.request import NOTHING, inspect_and_plan
from shared.errors import HostError
from shared.files.process_lock import locked, make_lockable
from shared.i18n import _
from validator.finding_kinds import DATA

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.digests import Digests
    from recovery.inspection.inspection import Inspection
    from recovery.planning.plan import Plan
    from recovery.request import RecoverRequest
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Recovery:
    """The result of a recovery.

    ``active`` is the release that is active now, and ``former`` the one that was active before. ``backup`` was taken
    beforehand. ``digests`` caches the digests of hashed files, for an inspection of the result.
    """

    plan: Plan
    applied: bool
    active: str | None
    former: str | None = None
    backup: Path | None = None
    audit_head: str = ""
    digests: Digests | None = field(default=None, compare=False)
    collected: retention.Collected = field(default_factory=retention.Collected)

    @property
    def installed(self) -> bool:
        """Whether a whole bundle was installed, and not only files from it."""
        return self.applied and self.plan.find(Reinstall) is not None


def recover(
    prefix: Prefix, confirm: Callable[[Plan], bool], progress: Progress, request: RecoverRequest = NOTHING
) -> Recovery:
    """Repair an installation.

    Steps 3 to 7 are those of ``RecoveryRun.carry_out``; then ``bootstrap/api/repairing.py`` repairs the records of
    trust, without the lock.

    Raises HostError if something must be transferred first, TrustError if a given bundle may not be installed,
    InstallError if the repair failed, BusyError if another run holds the lock.
    """
    # 1. Refuse tool folders that are links. Lock the prefix, so that the findings remain true, and admit the available
    #    bundle; its bytes are verified when a remedy reads them.
    misplaced = find_misplaced(prefix)
    refuse_linked_folders(prefix, misplaced)
    make_lockable(prefix.lock_file)
    with locked(prefix.lock_file, wait=request.wait):
        request = request.admit()
        for warning in request.admitted.warnings if request.admitted else ():
            progress.warn(warning)
        # 2. Inspect and plan; ``confirm`` decides whether the plan is carried out.
        with progress.wait(_("Checking the installation")):
            plan, inspection = inspect_and_plan(prefix, request, misplaced=misplaced)
        if not plan.remedies:
            require_nothing(plan, prefix)
        if not plan.remedies or not confirm(plan):
            active = prefix.active()
            return Recovery(plan, applied=False, active=active.id if active else None)
        return RecoveryRun(prefix, confirm, progress, request).carry_out(plan, inspection)


def require_nothing(plan: Plan, prefix: Prefix) -> None:
    """Raise HostError, with advice for the operator, if there is damage that no remedy repairs."""
    if plan.restore and not plan.unmet:
        lost = next(finding.details for finding in plan.findings if finding.kind == DATA)
        raise HostError(f"{lost}.", advice=plan.restore)
    if not plan.unmet:
        return
    names = ", ".join(left.path for left in plan.left)
    reported = _("The damage in {path} cannot be repaired with the files on this host.").format(path=prefix.root)
    if names:
        reported += " " + _("Still damaged: {names}.").format(names=names)
    if plan.needed_python:
        raise HostError(reported, advice=plan.unmet)
    raise HostError(
        reported,
        advice=" ".join([_("{what} Then run `recover --bundle FOLDER`.").format(what=plan.unmet), *plan.notes]),
    )


@dataclass(frozen=True)
class RecoveryRun:
    """A recovery that is being carried out while holding the lock."""

    prefix: Prefix
    confirm: Callable[[Plan], bool]
    progress: Progress
    request: RecoverRequest

    def carry_out(self, plan: Plan, inspection: Inspection) -> Recovery:
        """Carry out steps 3 to 7 of ``recover``; if they fail, record that in the audit log.

        After a failure, the backup is removed unless another release is active already.
        """
        prefix, former, name = self.prefix, self.prefix.active(), ""
        try:
            # 3. Repair misplaced folders, which the backup may need; back up settings and data.
            places = plan.find(RepairMisplaced)
            if places:  # step 4 then has nothing left to do here
                places.repair(self.context(inspection))
            name = backups.new_name(prefix, "before-recover")
            with self.progress.wait(_("Backing up settings and data")):
                backup = backups.create(prefix, name, also=inspection.unknown_files)
            # 4. Apply the plan. Each repair in place is final; if another release is to become active and does not
            #    work, the one that was active before remains active.
            collected = apply(plan, self.context(inspection))
            # 5. Inspect again what could not be inspected before, and repair that too.
            plan, collected = self.repair_uncovered(plan, inspection) or (plan, collected)
            # 6. Write an entry into the audit log.
            head = self.record(plan, former, inspection)
            backups.prune(prefix)
        except BaseException as error:
            head = audit_log.note_failure(prefix, "recover", error, remedies=[remedy.id for remedy in plan.remedies])
            if name and prefix.active() == former:  # else this backup may be the only one with the previous data
                with contextlib.suppress(OSError):  # the first error is the one to report
                    backups.remove(prefix, name)
            raise explained(error, prefix, head, former) from error
        active = prefix.active()
        done = Recovery(
            plan,
            applied=True,
            active=active.id if active else None,
            former=former.id if former else None,
            backup=backup,
            audit_head=head,
            digests=inspection.digests,
            collected=collected,
        )
        # 7. Record the counter of a bundle that was installed, and the sequence numbers of its advisories.
        if done.installed and self.request.admitted:
            stores = self.request.admitted.trust_stores
            for warning in filter(None, (remember(self.request.admitted), retained_list.remember(self.prefix, stores))):
                self.progress.warn(warning)
        return done

    def context(self, inspection: Inspection) -> RepairContext:
        """Return the context in which remedies for an inspection are applied."""
        return RepairContext(inspection, self.request.admitted, self.progress)

    def repair_uncovered(self, plan: Plan, inspection: Inspection) -> tuple[Plan, retention.Collected] | None:
        """Repair damage that was hidden before, if confirmed.

        Returns the combined plan and the collected releases, or None if nothing was repaired.

        While a wheel is lost, its package cannot be compared with it, and an unreadable file cannot be compared either.
        """
        if plan.replacing or not any(remedy.uncovers for remedy in plan.in_place):
            return None
        more, found = inspect_and_plan(self.prefix, replace(self.request, report=None), inspection.digests)
        if not more.remedies or not self.confirm(more):
            return None
        collected = apply(more, self.context(found))
        all_done = replace(more, findings=(*plan.findings, *more.findings), remedies=(*plan.remedies, *more.remedies))
        return all_done, collected

    def record(self, plan: Plan, former: Release | None, inspection: Inspection) -> str:
        """Write an entry for the recovery into the audit log; return the log's head."""
        active, misplaced = self.prefix.active(), inspection.misplaced
        return audit_log.append(
            self.prefix,
            "recover",
            "done",
            release=active.id if active else None,
            receipt_sha256=seal.receipt_sha256(active) if active else None,
            former=former.id if former else None,
            remedies=[remedy.id for remedy in plan.remedies],
            packages=sorted(plan.packages),
            left=[left.path for left in plan.left],
            **({"mended": [item.place for item in misplaced]} if misplaced else {}),
        )


def apply(plan: Plan, context: RepairContext) -> retention.Collected:
    """Apply the remedies of a plan; return the collected releases.

    1. Those in place, in their order.
    2. The last of those that activate another release, which does the work of all of them.
    """
    for remedy in plan.in_place:
        remedy.apply(context)
    return plan.replacing[-1].apply(context) if plan.replacing else retention.Collected()
