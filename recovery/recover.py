"""The story of a recovery: look, plan, ask, back up, repair into a new release.

A report that names problems is untrusted: it says which checks failed, and nothing of it becomes
a path or a command. What is repaired is what this host shows now.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable

from installer.change import retention
from installer.install import install
from installer.layout import misplaced, seal
from installer.logs import audit_log
from installer.release.receipt import ADDED
from installer.userdata import backups
from recovery.diagnosis.diagnose import Diagnosis, diagnose
from recovery.planning import remedies as cures
from recovery.planning.plan import Plan, make_plan
from recovery.repair.apply import apply, mend_places
from shared import reading, troubles
from shared.errors import HostError, TrustError, UsageError
from shared.files.lockfile import locked, make_lockable
from shared.i18n import _
from validator.check import ERROR, FAIL, RECOVER
from validator.registry import CHECKS
from validator.remedy import DATA, causes_of
from validator.report import LIMIT, Report, host_id, parse_report
from validator.result import Repair

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.opening import Bundle
    from bundle.signing.policy import Policy
    from installer.layout.misplaced import Misplaced
    from installer.layout.prefix import Prefix
    from installer.release.digests import Digests
    from shared.terminal.console import Progress


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
        return self.applied and self.plan.has(cures.Reinstall) is not None


def read_diagnosis(path: Path) -> Report:
    """Read a report. Raises UsageError when it can't be read, TrustError for one that breaks the format."""
    try:
        with reading.opened(path, follow=True) as file:
            data = file.read(LIMIT + 1)  # one byte more is refused by whoever parses it
    except OSError as error:
        wanted = _("Specify a report written by validate, or run recover without one.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    try:
        return parse_report(data, path.name)
    except TrustError as error:
        raise TrustError(
            _("The diagnosis is not a report of this tool: {reason}").format(reason=error.what),
            advice=_("Write it again with validate --output, or run recover without it."),
        ) from error


def demand_fitting(report: Report, prefix: Prefix) -> None:
    """Raise UsageError for a report of another host, or of a release that is not active any more."""
    active = prefix.active()
    if report.host is not None and report.host != host_id():
        raise UsageError(
            _("The diagnosis was made on another host."),
            advice=_("Run validate here, or run recover without a diagnosis."),
        )
    if report.release is not None and active is not None and report.release != active.id:
        raise UsageError(
            _("The diagnosis is not for the active release {release}.").format(release=active.id),
            advice=_("Run validate again, or run recover without a diagnosis."),
        )


def notes_on(report: Report, diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return what to say of the problems that a report names, in our own words."""
    titles = {check.id: check for check in CHECKS}
    failed = {result.id: result.remedy for result in report.results if result.status in (FAIL, ERROR)}
    # what recover would have repaired then and does not find now was repaired since
    gone: list[str] = []
    unexplained: list[str] = []
    for name, remedy in failed.items():
        if name in titles and not diagnosis.of_kind(*causes_of(name)):
            (gone if remedy == RECOVER else unexplained).append(titles[name]().title())
    notes = []
    if gone:
        notes.append(_("The diagnosis reports problems that no longer exist: {names}.").format(names=", ".join(gone)))
    if unexplained:
        text = _("These are not caused by damage; run validate again, and follow its advice: {names}.")
        notes.append(text.format(names=", ".join(unexplained)))
    return tuple(notes)


def plan_recovery(
    prefix: Prefix,
    report: Report | None = None,
    bundle: Bundle | None = None,
    policy: Policy | None = None,
    *,
    allow_unlocked: bool = False,
    digests: Digests | None = None,
    places: tuple[Misplaced, ...] | None = None,
) -> tuple[Plan, Diagnosis]:
    """Inspect an installation and choose what to do; nothing is written.

    ``allow_unlocked`` lets other versions that are stored here replace what is lost, a set that nobody signed.
    ``digests`` knows files that were hashed a moment ago, ``places`` what was out of place then.
    """
    if report is not None:
        demand_fitting(report, prefix)
    diagnosis = diagnose(prefix, policy, digests, places)
    plan = make_plan(diagnosis, bundle, allow_unlocked=allow_unlocked)
    plan = replace(plan, removes=removed_by(plan, diagnosis, bundle))
    if report is not None:
        plan = replace(plan, notes=(*plan.notes, *notes_on(report, diagnosis)))
    return plan, diagnosis


def removed_by(plan: Plan, diagnosis: Diagnosis, bundle: Bundle | None) -> tuple[retention.Going, ...]:
    """Return the releases that go once a plan is carried out."""
    prefix, back = diagnosis.prefix, plan.has(cures.GoBack)
    if back is not None:
        coming = prefix.release(back.names[0])
    elif plan.has(cures.Reinstall) and bundle is not None:
        coming = prefix.new_release(bundle.manifest.product.counter, bundle.manifest_sha256)
    elif plan.ladder and diagnosis.release is not None:
        coming = prefix.new_release(*diagnosis.release.made_from)
    else:
        return ()
    return retention.going(prefix, coming, is_damaged=True)


def foresee(prefix: Prefix, bundle: Bundle | None, policy: Policy | None, digests: Digests) -> Repair:
    """Return what a recovery would come to now, for what validate advises."""
    plan = plan_recovery(prefix, None, bundle, policy, digests=digests)[0]
    return Repair(frozenset(finding.kind for finding in plan.findings), plan.mended, plan.unmet)


def recover(
    prefix: Prefix,
    confirm: Callable[[Plan], bool],
    progress: Progress,
    *,
    report: Report | None = None,
    bundle: Bundle | None = None,
    policy: Policy | None = None,
    allow_unlocked: bool = False,
    wait: float = 0.0,
) -> Recovery:
    """Repair an installation.

    1. Lock the prefix, so that what is found stays what is there.
    2. Look and plan; ``confirm`` decides whether the plan is carried out.
    3. Back up what is the user's.
    4. Apply it; a failure leaves the release active that was.

    Raises HostError when something must be transferred first, InstallError when the repair failed,
    BusyError while another run holds the lock.
    """
    places = misplaced.found(prefix)
    misplaced.require_home(prefix, places)
    make_lockable(prefix.state / "lock")
    with locked(prefix.state / "lock", wait=wait):
        with progress.wait(_("Checking the installation")):
            plan, diagnosis = plan_recovery(
                prefix, report, bundle, policy, allow_unlocked=allow_unlocked, places=places
            )
        former = prefix.active()
        before = former.id if former else None
        if not plan.remedies:
            if plan.restore and not plan.unmet:
                lost = next(finding.details for finding in plan.findings if finding.kind == DATA)
                raise HostError(f"{lost}.", advice=plan.restore)
            if plan.unmet:
                names = ", ".join(left.path for left in plan.left)
                told = _("The damage in {path} cannot be repaired from this host.").format(path=prefix.root)
                raise HostError(
                    f"{told} " + _("Still damaged: {names}.").format(names=names) if names else told,
                    advice=plan.unmet
                    if plan.needed_python
                    else " ".join([_("{what} Then run recover --bundle FOLDER.").format(what=plan.unmet), *plan.notes]),
                )
            return Recovery(plan, applied=False, active=before)
        if not confirm(plan):
            return Recovery(plan, applied=False, active=before)
        if plan.has(cures.MendPlaces):
            mend_places(diagnosis)  # the backup needs its folder
        name = backups.new_name(prefix, "before-recover")
        try:
            with progress.wait(_("Backing up settings and data")):
                backup = backups.create(prefix, name, also=strangers(diagnosis))
            collected = apply(plan, diagnosis, bundle, progress)
            plan, collected = look_again(plan, diagnosis, confirm, bundle, policy, progress) or (plan, collected)
            active = prefix.active()
            now = active.id if active else None
            head = audit_log.append(
                prefix,
                "recover",
                "done",
                release=now,
                receipt_sha256=seal.receipt_sha256(active) if active else None,
                former=before,
                remedies=[remedy.id for remedy in plan.remedies],
                packages=sorted(plan.packages),
                left=[left.path for left in plan.left],
                **({"mended": [item.place for item in places]} if places else {}),
            )
            backups.prune(prefix)
        except BaseException as error:
            head = audit_log.note_failure(prefix, "recover", error, remedies=[remedy.id for remedy in plan.remedies])
            with contextlib.suppress(OSError):  # the first error is the one to report
                backups.remove(prefix, name)
            raise install.explained(error, prefix, head, former) from error
    return Recovery(
        plan,
        applied=True,
        active=now,
        former=before,
        backup=backup,
        audit_head=head,
        digests=diagnosis.digests,
        collected=collected,
    )


def look_again(
    plan: Plan,
    diagnosis: Diagnosis,
    confirm: Callable[[Plan], bool],
    bundle: Bundle | None,
    policy: Policy | None,
    progress: Progress,
) -> tuple[Plan, retention.Collected] | None:
    """Compare what is installed with wheels that were lost, and repair what they show; return all that was done.

    While a wheel is lost, nobody knows whether its package is as signed; nor what is in a file that cannot be read.
    """
    looks_other = (cures.FillStore, cures.MendRights, cures.MendPlaces)
    if not any(plan.has(kind) for kind in looks_other) or plan.ladder:
        return None
    more, found = plan_recovery(diagnosis.prefix, None, bundle, policy, digests=diagnosis.digests)
    if not more.remedies or not confirm(more):
        return None
    collected = apply(more, found, bundle, progress)
    all_done = replace(more, findings=(*plan.findings, *more.findings), remedies=(*plan.remedies, *more.remedies))
    return all_done, collected


def strangers(diagnosis: Diagnosis) -> list[Path]:
    """Return files that were added to the application's folder: somebody may miss them, so the backup keeps them."""
    if diagnosis.release is None:
        return []
    added = [deviation.path for deviation in diagnosis.deviations if deviation.kind == ADDED]
    paths = [diagnosis.release.path / path for path in added if path.startswith("app/")]
    return [path for path in paths if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"]
