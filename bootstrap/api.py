"""The tool as typed functions, for other programs; the command line is their first user.

Each raises a subclass of bootstrap.errors.RagtraceError whose text says what happened and whose
``advice`` says what to do next. None prints; progress goes to the ``progress`` given.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING, Any

from bootstrap import trust
from bootstrap.console import NoProgress, Progress
from bootstrap.errors import HostError, UsageError
from bootstrap.i18n import _
from bootstrap.prefix import Prefix, Release, default_root, find_prefix
from bootstrap.trust.admission import Conditions, admit, remember
from bootstrap.trust.at_hand import look
from bootstrap.trust.authority import authority
from bootstrap.trust.places import host_places

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from bootstrap.advisories.kept import Site
    from bootstrap.advisories.look import Look
    from bootstrap.advisories.update import Update
    from bootstrap.backup_index import Backup
    from bootstrap.bundle.opening import Bundle
    from bootstrap.history import Event
    from bootstrap.install import Outcome
    from bootstrap.monitor import Sample
    from bootstrap.preflight import Finding
    from bootstrap.restore import Made, Restored
    from bootstrap.trust.admission import Admission
    from bootstrap.trust.chain import Signed
    from bootstrap.trust.places import Places
    from bootstrap.trust.state import State
    from bootstrap.uninstall import Removal
    from recovery.plan import Plan
    from recovery.recover import Recovery
    from validator.check import CheckResult
    from validator.report import Report

QUIET = NoProgress()
AS_IT_IS = Conditions()


@dataclass(frozen=True)
class Status:
    """What is installed: the active release (None: none), and every complete one, the oldest first."""

    prefix: Path
    active: Release | None
    releases: tuple[Release, ...]


def open_bundle(
    bundle: Path | None = None, *, trusted_keys: Sequence[str] = (), places: Places | None = None
) -> Bundle:
    """Return a bundle whose signature holds; without a path, the one beside the zipapp.

    The host's policy judges it, else the keys in this installer, else ``trusted_keys``. ``places`` are this
    host's by default.
    """
    from bootstrap.bundle import opening

    if bundle is None:
        running = trust.zipapp()
        if running is None:
            raise UsageError(_("No bundle is named."), advice=_("Name the folder that holds SHA256SUMS."))
        bundle = running.parent
    # keys' validity is a matter of admission, and of a first installation only
    return opening.open_bundle(bundle, authority(places or host_places(), trusted_keys).policy)


def prefix_for(bundle: Bundle, prefix: Path | None) -> Prefix:
    """Return where a bundle is installed: the named folder, or this user's default for the product."""
    return Prefix((prefix or default_root() / bundle.manifest.product.name).absolute())


def verify(bundle: Path | None = None, *, trusted_keys: Sequence[str] = (), progress: Progress = QUIET) -> Bundle:
    """Check a bundle's signature and every byte of it, and install nothing."""
    from bootstrap.bundle.archive import drain

    opened = open_bundle(bundle, trusted_keys=trusted_keys)
    with progress.task(opened.location.name, opened.manifest.total_bytes) as task:
        opened.visit(lambda _entry, blocks: drain(blocks), task.advance)
    return opened


def admission(
    bundle: Bundle, prefix: Path | None = None, *, conditions: Conditions = AS_IT_IS, places: Places | None = None
) -> Admission:
    """Return whether an opened bundle may be installed, and what to know first; TrustError when it may not."""
    return admit(bundle, prefix_for(bundle, prefix), places or host_places(), conditions)


def plan(
    bundle: Bundle, prefix: Path | None = None, *, conditions: Conditions = AS_IT_IS, places: Places | None = None
) -> list[Finding]:
    """Return what an installation would find on this host; nothing is written."""
    from bootstrap import preflight

    admission(bundle, prefix, conditions=conditions, places=places)
    return preflight.preflight(bundle.manifest, prefix_for(bundle, prefix))


def install(
    bundle: Bundle,
    prefix: Path | None = None,
    *,
    progress: Progress = QUIET,
    wait: float = 0.0,
    conditions: Conditions = AS_IT_IS,
    places: Places | None = None,
) -> Outcome:
    """Install an opened bundle as a new release and activate it; a failure leaves the former one active."""
    from bootstrap import install as story

    places = places or host_places()
    admitted = admission(bundle, prefix, conditions=conditions, places=places)
    for warning in admitted.warnings:
        progress.warn(warning)
    outcome = story.install(bundle, prefix_for(bundle, prefix), progress, wait=wait)
    forgotten = remember(bundle.manifest, admitted, places)
    if forgotten:
        progress.warn(forgotten)
    return outcome


def upgrade(
    folder: Path,
    prefix: Path | None = None,
    *,
    options: Sequence[str] = (),
    conditions: Conditions = AS_IT_IS,
    places: Places | None = None,
) -> int:
    """Judge a newer release on behalf of an installation, then let its own installer install it.

    None of its code runs before its signature, counter and date are accepted and its installer's bytes are
    the signed ones. ``options`` go to its ``install``; returns that program's exit code.
    """
    from bootstrap import upgrade as story

    found, places = find_prefix(prefix), places or host_places()
    bundle = open_bundle(folder, places=places)
    admit(bundle, found, places, conditions)
    return story.hand_over(bundle, folder, found, options)


def trust_state(prefix: Path | None = None, *, places: Places | None = None) -> State:
    """Return whom this host trusts, and what it remembers of what it accepted."""
    from bootstrap.trust.state import read_state

    return read_state(places or host_places(), prefix_or_none(prefix))


def update_trust(
    policies: Sequence[Path],
    prefix: Path | None = None,
    *,
    only_prefix: bool = False,
    trusted_keys: Sequence[str] = (),
    places: Places | None = None,
) -> list[Signed]:
    """Take over new policies, for the host or with ``only_prefix`` for one installation; return the new ones."""
    from bootstrap.trust import update

    if only_prefix:
        return update.update_prefix(policies, find_prefix(prefix).trust, trusted_keys)
    return update.update_host(policies, places or host_places(), trusted_keys)


def rollback(
    prefix: Path | None = None, *, to: str | None = None, progress: Progress = QUIET, wait: float = 0.0
) -> Outcome:
    """Make the former release, or a kept one, current again."""
    from bootstrap import install as story

    return story.rollback(find_prefix(prefix), progress, to=to, wait=wait)


@dataclass(frozen=True)
class BackupPlan:
    """What a backup, or restoring one, would copy: ``backup`` is the one to restore; bytes needed and free."""

    backup: Backup | None
    needed: int
    free: int

    @property
    def fits(self) -> bool:
        return self.free >= self.needed


def plan_backup(prefix: Path | None = None, *, restore: str | None = None) -> BackupPlan:
    """Return what a backup, or restoring the named one, would take; nothing is written."""
    import shutil

    from bootstrap import backups
    from bootstrap import restore as story

    found = settled(prefix)
    free = shutil.disk_usage(found.root).free
    if restore is None:
        return BackupPlan(None, backups.needed_bytes(found) + backups.RESERVE, free)
    backup = backups.find(found, restore)
    backups.check(backup)
    return BackupPlan(backup, story.needed_bytes(found, backup), free)


def create_backup(prefix: Path | None = None, *, progress: Progress = QUIET, wait: float = 0.0) -> Made:
    """Copy settings and data, and return the backup."""
    from bootstrap import restore as story

    return story.create_backup(find_prefix(prefix), progress, wait=wait)


def list_backups(prefix: Path | None = None) -> list[Backup]:
    """Return the backups that can be restored, the oldest first."""
    from bootstrap import backups

    return backups.list_backups(settled(prefix))


def restore(name: str, prefix: Path | None = None, *, progress: Progress = QUIET, wait: float = 0.0) -> Restored:
    """Make settings and data what a backup holds; what was there is backed up first."""
    from bootstrap import restore as story

    return story.restore(find_prefix(prefix), name, progress, wait=wait)


def status(prefix: Path | None = None) -> Status:
    """Tell what is installed in a prefix."""
    found = settled(prefix)
    return Status(found.root, found.active(), found.complete_releases())


def settled(prefix: Path | None = None) -> Prefix:
    """Return a prefix after what a crash left in it was undone, for commands that only look."""
    from bootstrap import transaction

    found = find_prefix(prefix)
    transaction.settle(found)
    return found


def history(prefix: Path | None = None) -> list[Event]:
    """Return what was done in a prefix, the oldest first, and which releases are still kept."""
    from bootstrap import history as story

    return story.history(settled(prefix))


def audit_entries(prefix: Path | None = None) -> list[dict[str, Any]]:
    """Return the entries of the audit log, the oldest first."""
    from bootstrap import audit_log

    return audit_log.entries(settled(prefix))


def verify_audit_log(prefix: Path | None = None, *, anchor: str | None = None) -> tuple[int, str]:
    """Check the audit log's chain, against a head kept elsewhere where one is given; return its length and head."""
    from bootstrap import audit_log

    return audit_log.verify(settled(prefix), anchor)


def uninstall(
    prefix: Path | None = None, *, purge: bool = False, progress: Progress = QUIET, wait: float = 0.0
) -> Removal:
    """Remove what was installed; with ``purge`` the user's data, settings and backups too."""
    from bootstrap import uninstall as story

    return story.uninstall(find_prefix(prefix), progress, purge=purge, wait=wait)


def prefix_or_none(prefix: Path | None) -> Prefix | None:
    """Return the named prefix or this user's only one; None when none is named and nothing is installed."""
    try:
        return settled(prefix)
    except HostError:
        if prefix is not None:
            raise
        return None


def validate(
    prefix: Path | None = None,
    *,
    categories: Collection[str] = (),
    checks: Collection[str] = (),
    skip: Collection[str] = (),
    effort: str = "normal",
    timeout: float | None = None,
    report_name: str | None = None,
    progress: Progress = QUIET,
) -> Report:
    """Check the host and what is installed in a prefix; nothing of the release, data or settings is changed.

    ``categories`` and ``checks`` (identifiers) choose what runs, all by default, of what ``effort``
    (quick, normal, full) allows; ``timeout`` in
    seconds replaces each check's own limit; ``report_name`` is the file that the commands in the
    report name. What is broken is told in the report; HostError is raised only when nothing is
    installed in the prefix named, UsageError for a choice that is not known.
    """
    from validator import plugins, registry, report, runner, subject

    name = report_name or subject.REPORT_NAME
    validated = subject.subject_of(prefix_or_none(prefix), timeout=timeout, report_name=name)
    known = (*registry.CHECKS, *plugins.find(validated, host_places()))
    chosen = runner.select(known, categories=categories, ids=checks, skip=skip, effort=effort)
    return report.make_report(validated, runner.run_checks(validated, chosen, progress))


def monitor(
    prefix: Path | None = None,
    *,
    interval: float = 5.0,
    count: int | None = None,
    duration: float | None = None,
    wait: Callable[[float], bool | None] = sleep,
) -> Iterator[Sample]:
    """Yield what the host and the application use, every ``interval`` seconds; without limits it never ends.

    ``duration`` is in seconds. ``wait`` gets the seconds to the next sample, and ends it by returning True.
    """
    from bootstrap import monitor as story

    return story.samples(settled(prefix), interval=interval, count=count, duration=duration, wait=wait)


def plan_recovery(
    prefix: Path | None = None,
    *,
    diagnosis: Path | None = None,
    bundle: Path | None = None,
    trusted_keys: Sequence[str] = (),
    allow_unlocked: bool = False,
    places: Places | None = None,
) -> Plan:
    """Return what is wrong with an installation and what a repair would do; nothing is written."""
    from recovery import recover as story

    found = find_prefix(prefix)
    report = story.read_diagnosis(diagnosis) if diagnosis else None
    at_hand = look(found, bundle, trusted_keys, places or host_places())
    return story.plan_recovery(found, report, at_hand.bundle, at_hand.policy, allow_unlocked=allow_unlocked)[0]


def recover(  # noqa: PLR0913 - each is an option of the command
    prefix: Path | None = None,
    confirm: Callable[[Plan], bool] = lambda _plan: True,
    *,
    diagnosis: Path | None = None,
    bundle: Path | None = None,
    trusted_keys: Sequence[str] = (),
    allow_unlocked: bool = False,
    progress: Progress = QUIET,
    wait: float = 0.0,
    places: Places | None = None,
) -> Recovery:
    """Repair an installation from what is on this host, or from a bundle.

    ``diagnosis`` is a report of validate, taken as a hint; ``confirm`` gets the plan and says
    whether it is carried out; ``allow_unlocked`` lets other versions that are kept here replace what is
    lost. A failure leaves the former release active.
    """
    from recovery import recover as story

    found, places = find_prefix(prefix), places or host_places()
    report = story.read_diagnosis(diagnosis) if diagnosis else None
    at_hand = look(found, bundle, trusted_keys, places)
    for warning in at_hand.admission.warnings if at_hand.admission else ():
        progress.warn(warning)
    done = story.recover(
        found,
        confirm,
        progress,
        report=report,
        bundle=at_hand.bundle,
        policy=at_hand.policy,
        allow_unlocked=allow_unlocked,
        wait=wait,
    )
    if done.installed and at_hand.bundle and at_hand.admission:
        forgotten = remember(at_hand.bundle.manifest, at_hand.admission, places)
        if forgotten:
            progress.warn(forgotten)
    return done


def check_repaired(prefix: Path | None = None, *, progress: Progress = QUIET) -> list[CheckResult]:
    """Return what the checks say that look at the files of an installation."""
    from validator import registry, runner, subject

    chosen = runner.select(registry.CHECKS, ids=("packages.record", "ragtrace.release", "security.integrity"))
    return runner.run_checks(subject.subject_of(find_prefix(prefix)), chosen, progress)


def advisories_site(prefix: Path | None = None, *, places: Places | None = None) -> Site:
    """Return an installation as the scan of known vulnerabilities sees it; HostError when no release is active."""
    from bootstrap.advisories.kept import Site

    found = find_prefix(prefix)
    release = found.active()
    if release is None:
        raise HostError(
            _("No complete release is active in {path}.").format(path=found.root),
            advice=_("Install a bundle, or repair the installation with recover."),
        )
    return Site(found, release, release.manifest(), places or host_places())


def update_advisories(
    file: Path,
    prefix: Path | None = None,
    *,
    accept_clock: bool = False,
    wait: float = 0.0,
    places: Places | None = None,
) -> Update:
    """Take over a signed snapshot or file of exceptions; what is in force stays so when it is refused."""
    from bootstrap.advisories import update as story

    return story.update(file, advisories_site(prefix, places=places), accept_clock=accept_clock, wait=wait)


def scan_advisories(
    prefix: Path | None = None, *, table: str | None = None, vex: Path | None = None, places: Places | None = None
) -> Look:
    """Scan what is installed by the advisories in force; ``vex`` is a file for the findings as CycloneDX VEX."""
    from bootstrap.advisories import look as story

    site = advisories_site(prefix, places=places)
    seen = story.look(site, table=table)
    if vex is not None:
        story.write_vex(vex, seen, site)
    return seen
