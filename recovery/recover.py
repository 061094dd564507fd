"""The story of a recovery: look, plan, ask, back up, repair into a new release."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable

from installer.change import retention
from installer.change.outcome import explained
from installer.layout import misplaced, seal
from installer.logs import audit_log
from installer.release.receipt import ADDED
from installer.trust.admission import remember
from installer.trust.available import Available
from installer.userdata import backups
from recovery.inspection.inspection import Known, inspect
from recovery.inspection.reported import notes_on, require_fitting
from recovery.planning.last_resorts import Case
from recovery.planning.planner import make_plan
from recovery.repair.in_place import RepairPlaces
from recovery.repair.new_release import Reinstall
from recovery.repair.remedy import Work
from shared.errors import HostError
from shared.files.lockfile import locked, make_lockable
from shared.i18n import _
from validator.remedy import DATA
from validator.result import Repair

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.misplaced import Misplaced
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.digests import Digests
    from installer.trust.admission import AdmittedBundle
    from recovery.inspection.inspection import Inspection
    from recovery.planning.plan import Plan
    from shared.terminal.progress import Progress
    from validator.report import Report


@dataclass(frozen=True)
class Given:
    """What a recovery is given: a report as a hint, what is available, and ``bundle`` once that was admitted.

    ``allow_unlocked`` lets other versions that are stored here replace what is lost, a set that nobody signed.
    ``wait`` is how long another run is waited for, in seconds.
    """

    report: Report | None = None
    available: Available = field(default_factory=Available)
    allow_unlocked: bool = False
    wait: float = 0.0
    bundle: AdmittedBundle | None = None

    def admitted(self) -> Given:
        """Return it with the bundle that may be installed; raises what is wrong with one that was named."""
        return replace(self, bundle=self.available.admit())


NOTHING = Given()


@dataclass(frozen=True)
class Recovery:
    """What a recovery came to. ``active`` is the release that is active now, ``backup`` the copy made before.

    ``digests`` knows the files that were hashed, for whoever inspects the result.
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
        """Whether a bundle was installed in full, and not only taken from."""
        return self.applied and self.plan.has(Reinstall) is not None


def plan_recovery(
    prefix: Prefix,
    given: Given = NOTHING,
    digests: Digests | None = None,
    places: tuple[Misplaced, ...] | None = None,
) -> tuple[Plan, Inspection]:
    """Inspect an installation and choose what to do; nothing is written.

    ``digests`` knows files that were hashed a moment ago, ``places`` what was out of place then.
    """
    if given.report is not None:
        require_fitting(given.report, prefix)
    inspection = inspect(prefix, Known(given.available.policy, digests, places))
    plan = make_plan(Case(inspection, given.bundle.bundle if given.bundle else None, given.allow_unlocked))
    plan = replace(plan, removes=removed_by(plan, inspection, given.bundle))
    if given.report is not None:
        plan = replace(plan, notes=(*plan.notes, *notes_on(given.report, inspection)))
    return plan, inspection


def removed_by(plan: Plan, inspection: Inspection, bundle: AdmittedBundle | None) -> tuple[retention.Going, ...]:
    """Return the releases that go once a plan is carried out."""
    if not plan.ladder:
        return ()
    return retention.going(inspection.prefix, plan.ladder[-1].coming(inspection, bundle), is_damaged=True)


def foresee(prefix: Prefix, available: Available, digests: Digests) -> Repair:
    """Return what a recovery would come to now, for what validate advises."""
    plan = plan_recovery(prefix, Given(available=available).admitted(), digests)[0]
    return Repair(frozenset(finding.kind for finding in plan.findings), plan.repaired, plan.unmet)


def recover(prefix: Prefix, confirm: Callable[[Plan], bool], progress: Progress, given: Given = NOTHING) -> Recovery:
    """Repair an installation.

    1. Lock the prefix, so that what is found stays what is there, and judge the available bundle.
    2. Look and plan; ``confirm`` decides whether the plan is carried out.
    3. Back up what is the user's.
    4. Apply it; a failure leaves the release active that was.
    5. Check again what could not be checked before.
    6. Write it into the audit log, and remember the counter of a bundle that was installed.

    Raises HostError when something must be transferred first, TrustError for a named bundle that may not be installed,
    InstallError when the repair failed, BusyError while another run holds the lock.
    """
    places = misplaced.found(prefix)
    misplaced.require_home(prefix, places)
    make_lockable(prefix.state / "lock")
    # 1.
    with locked(prefix.state / "lock", wait=given.wait):
        given = given.admitted()
        for warning in given.bundle.warnings if given.bundle else ():
            progress.warn(warning)
        # 2.
        with progress.wait(_("Checking the installation")):
            plan, inspection = plan_recovery(prefix, given, places=places)
        if not plan.remedies:
            require_nothing(plan, prefix)
        if not plan.remedies or not confirm(plan):
            active = prefix.active()
            return Recovery(plan, applied=False, active=active.id if active else None)
        return Run(prefix, confirm, progress, given).carry_out(plan, inspection)


def require_nothing(plan: Plan, prefix: Prefix) -> None:
    """Raise HostError where something is wrong that no remedy repairs, with what to transfer or to do."""
    if plan.restore and not plan.unmet:
        lost = next(finding.details for finding in plan.findings if finding.kind == DATA)
        raise HostError(f"{lost}.", advice=plan.restore)
    if not plan.unmet:
        return
    names = ", ".join(left.path for left in plan.left)
    reported = _("The damage in {path} cannot be repaired from this host.").format(path=prefix.root)
    if names:
        reported += " " + _("Still damaged: {names}.").format(names=names)
    if plan.needed_python:
        raise HostError(reported, advice=plan.unmet)
    raise HostError(
        reported, advice=" ".join([_("{what} Then run recover --bundle FOLDER.").format(what=plan.unmet), *plan.notes])
    )


@dataclass(frozen=True)
class Run:
    """A recovery that is carried out, under the lock."""

    prefix: Prefix
    confirm: Callable[[Plan], bool]
    progress: Progress
    given: Given

    def carry_out(self, plan: Plan, inspection: Inspection) -> Recovery:
        """Do steps 3 to 6 of ``recover``."""
        prefix, previous = self.prefix, self.prefix.active()
        places = plan.has(RepairPlaces)
        if places:
            places.repair(self.work(plan, inspection))  # the backup needs its folder
        name = backups.new_name(prefix, "before-recover")
        try:
            # 3.
            with self.progress.wait(_("Backing up settings and data")):
                backup = backups.create(prefix, name, also=unknown_files(inspection))
            # 4. and 5.
            collected = apply(plan, self.work(plan, inspection))
            plan, collected = self.check_again(plan, inspection) or (plan, collected)
            # 6.
            head = self.note(plan, previous, inspection)
            backups.prune(prefix)
        except BaseException as error:
            head = audit_log.note_failure(prefix, "recover", error, remedies=[remedy.id for remedy in plan.remedies])
            with contextlib.suppress(OSError):  # the first error is the one to report
                backups.remove(prefix, name)
            raise explained(error, prefix, head, previous) from error
        active = prefix.active()
        done = Recovery(
            plan,
            applied=True,
            active=active.id if active else None,
            former=previous.id if previous else None,
            backup=backup,
            audit_head=head,
            digests=inspection.digests,
            collected=collected,
        )
        forgotten = remember(self.given.bundle) if done.installed and self.given.bundle else None
        if forgotten:
            self.progress.warn(forgotten)
        return done

    def work(self, plan: Plan, inspection: Inspection) -> Work:
        """Return what the remedies of a plan are applied to and with."""
        return Work(inspection, self.given.bundle, self.progress, plan.packages)

    def check_again(self, plan: Plan, inspection: Inspection) -> tuple[Plan, retention.Collected] | None:
        """Repair what shows only now; return all that was done.

        While a wheel is lost, nobody knows whether its package is as signed; nor what is in a file that cannot be
        read.
        """
        if plan.ladder or not any(remedy.uncovers for remedy in plan.in_place):
            return None
        more, found = plan_recovery(self.prefix, replace(self.given, report=None), inspection.digests)
        if not more.remedies or not self.confirm(more):
            return None
        collected = apply(more, self.work(more, found))
        all_done = replace(more, findings=(*plan.findings, *more.findings), remedies=(*plan.remedies, *more.remedies))
        return all_done, collected

    def note(self, plan: Plan, former: Release | None, inspection: Inspection) -> str:
        """Write what was done into the audit log; return its head."""
        active, places = self.prefix.active(), inspection.places
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
            **({"mended": [item.place for item in places]} if places else {}),
        )


def apply(plan: Plan, work: Work) -> retention.Collected:
    """Apply the remedies of a plan; return what went.

    1. In place, in their order.
    2. One new release, or the previous one: the last of those remedies makes it for all.
    """
    for remedy in plan.in_place:
        remedy.apply(work)
    return plan.ladder[-1].apply(work) if plan.ladder else retention.Collected()


def unknown_files(inspection: Inspection) -> list[Path]:
    """Return files that were added to the application's folder: somebody may miss them, so the backup keeps them."""
    if inspection.release is None:
        return []
    added = [deviation.path for deviation in inspection.deviations if deviation.kind == ADDED]
    paths = [inspection.release.path / path for path in added if path.startswith("app/")]
    return [path for path in paths if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"]
