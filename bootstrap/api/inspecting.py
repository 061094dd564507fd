"""Read-only functions: status, history, audit log, validation, monitoring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import sleep
from typing import TYPE_CHECKING, Any

from bootstrap.api.here import QUIET, prefix_or_none, settled, trust_stores
from bootstrap.api.installing import admission, open_bundle
from bundle.opening import SUMS
from installer.layout.location import own_command
from installer.layout.location.finding import find_prefix
from installer.logs import identity
from installer.trust.authority import find_authority
from installer.trust.available import find_available
from shared.errors import HostError, RagtraceError, UsageError
from shared.files import outputs
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from bundle.manifest import Manifest
    from bundle.signing.policy import Policy
    from installer.change.history import Event
    from installer.layout.release import Release
    from installer.logs.identity import Identity
    from installer.monitoring.monitor import Sample
    from shared.terminal.progress import Progress
    from validator.check import Check
    from validator.report import Report
    from validator.result import Repair
    from validator.subject import Subject

TIMEOUT_LIMIT = 7 * 86_400  # seconds: longer than any check takes, and within what the system's timers accept


@dataclass(frozen=True)
class Status:
    """A prefix, its active release or None, all its complete releases, oldest first, and its identity."""

    prefix: Path
    active: Release | None
    releases: tuple[Release, ...]
    identity: Identity


def status(prefix: Path | None = None) -> Status:
    """Return the active release and all complete releases of a prefix."""
    found = settled(prefix)
    return Status(found.root, found.active(), found.complete_releases(), identity.identity_of(found))


def set_asset(asset: str, prefix: Path | None = None) -> None:
    """Store this host's name in the operator's asset register, if something is installed."""
    found = prefix_or_none(prefix, allow_lost_state=True)
    if found and found.exists:
        identity.set_asset(found, asset)


def history(prefix: Path | None = None) -> list[Event]:
    """Return the logged changes of a prefix, oldest first, preceded by retained releases that no entry names."""
    from installer.change.history import history as events_of

    return events_of(settled(prefix, allow_uninstalled=True))


def audit_head(prefix: Path | None = None) -> str | None:
    """Return the audit log's head, to be stored elsewhere, or None if nothing is installed or the log is unreadable."""
    from installer.logs import audit_log

    try:
        found = prefix_or_none(prefix)
        return audit_log.head(found) if found and found.exists else None
    except (HostError, OSError):
        return None


def audit_entries(prefix: Path | None = None) -> list[dict[str, Any]]:
    """Return the entries of the audit log, oldest first."""
    from installer.logs import audit_log

    return audit_log.entries(settled(prefix, allow_uninstalled=True))


def verify_audit_log(prefix: Path | None = None, *, anchor: str | None = None) -> tuple[int, str]:
    """Verify the audit log's chain, and that it contains ``anchor`` if given; return the entry count and the head."""
    from installer.logs import audit_log

    return audit_log.verify(settled(prefix, allow_uninstalled=True), anchor)


def export_audit_log(file: Path, prefix: Path | None = None) -> None:
    """Verify the audit log's chain and write the log to a file."""
    from installer.logs import audit_log

    found = settled(prefix, allow_uninstalled=True)
    audit_log.verify(found)
    outputs.write(file, b"".join(line + b"\n" for line in audit_log.lines(found)))


def available_bundle() -> tuple[Manifest | None, str]:
    """Return the manifest of the bundle next to the zipapp, and "".

    If the bundle is rejected, returns None and the reason; if there is no bundle, None and "".
    """
    beside = own_command.folder()
    if beside is None or not (beside / SUMS).is_file():
        return None, ""
    try:
        bundle = open_bundle(beside)
        admission(bundle)
    except RagtraceError as error:
        return None, f"{error.what} {error.advice}".strip()
    return bundle.manifest, ""


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
    """Check the host and the installation in a prefix, without changing the release, data or settings.

    ``categories`` and ``checks`` (identifiers) select the checks, by default those that ``effort`` (quick, normal,
    full) allows. ``timeout`` in seconds overrides each check's own limit. ``report_name`` is the file name in the
    commands that the report suggests. If no prefix is named and none is usable, the bundle next to the zipapp is
    inspected instead. Damage is recorded in the report. Raises HostError if the named prefix has no installation that
    this user may inspect, UsageError if the selection or the timeout is invalid or if several applications are
    installed.
    """
    from validator import check, plugins, registry, report, runner, subject

    if timeout is not None and not 0 < timeout <= TIMEOUT_LIMIT:
        raise UsageError(
            _("--timeout must be greater than 0 and at most {most} seconds.").format(most=TIMEOUT_LIMIT),
            advice=_("Specify another number."),
        )
    found = prefix_or_none(prefix, allow_lost_state=True)
    inspected = subject.subject_of(found) if found else subject.subject_before_installation(*available_bundle())
    validated = replace(inspected, timeout=timeout, report_name=report_name or subject.REPORT_NAME)
    known = (*registry.CHECKS, *plugins.find(validated, trust_stores()))
    # the application's category is displayed under the application's name
    titles = {validated.title.casefold(): check.APPLICATION, **{name.casefold(): name for name in check.CATEGORIES}}
    categories = [titles.get(category.casefold(), category) for category in categories]
    chosen = runner.select(known, runner.Selection(categories, checks, skip, effort))
    results = runner.run_checks(asking_recovery(validated), chosen, progress)
    return report.make_report(validated, results, runner.choice_of(known, chosen, effort))


def asking_recovery(validated: Subject) -> Subject:
    """Return the subject with the trust stores, and with functions for the policy and the repair planned by recover."""
    found = validated.prefix
    if found is None:
        return validated

    def foresee() -> Repair:
        from recovery.request import foresee as foresee_repair

        available = find_available(found, None, (), trust_stores())
        return foresee_repair(found, available, validated.digests)

    def policy() -> Policy | None:
        found = find_authority(trust_stores(), ())
        return found.policy if found else None

    return replace(validated, foresee=foresee, policy=policy, trust_stores=trust_stores())


def list_checks(prefix: Path | None = None) -> tuple[type[Check], ...]:
    """Return all checks: the built-in ones, then those of the installation, if there is one, and of the host."""
    from validator import plugins, registry, subject

    try:
        found = find_prefix(prefix)
    except (HostError, UsageError):
        if prefix is not None:
            raise
        found = None
    return (*registry.CHECKS, *plugins.find(subject.subject_of(found) if found else subject.Subject(), trust_stores()))


def monitor(
    prefix: Path | None = None,
    *,
    interval: float = 5.0,
    count: int | None = None,
    duration: float | None = None,
    wait: Callable[[float], bool | None] = sleep,
) -> Iterator[Sample]:
    """Yield the resource usage of host and application every ``interval`` seconds, indefinitely unless limited.

    ``duration`` is in seconds. ``wait`` receives the seconds until the next sample, and returns True to stop.
    """
    from installer.monitoring.monitor import samples

    return samples(settled(prefix), interval=interval, count=count, duration=duration, wait=wait)
