"""Rollback: a retained release becomes active again, rebuilt first if it is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from installer.change import retention, transaction
from installer.change.activation import switch_and_check
from installer.change.outcome import explained, outcome_of
from installer.layout import seal
from installer.logs import audit_log
from installer.release import launchers
from installer.release.sealing import intact
from installer.userdata import userdata
from shared import troubles
from shared.errors import HostError
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from installer.change.outcome import Outcome
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from shared.terminal.progress import Progress

# rebuilds a damaged release in a transaction; created by the caller, which has checked that this is possible
Build = Callable[["transaction.Transaction", "Progress"], None]


@dataclass(frozen=True)
class Goal:
    """The rollback target: a retained release, by default the previous one.

    ``rebuild`` gets a damaged release and the damage, and returns the function that rebuilds it; it raises HostError if
    that is impossible. Without it a damaged release is refused.
    """

    to: str | None = None
    rebuild: Callable[[Prefix, Release, str], Build] | None = None


def rollback(prefix: Prefix, progress: Progress, goal: Goal | None = None, *, wait: float = 0.0) -> Outcome:
    """Make the previous release, or the named retained one, current again; settings are unchanged.

    The release is compared with its receipt first, and rebuilt if it is damaged and the goal provides for that.

    Data also remains, unless it was migrated for the release that was active: then the previous data returns. Raises
    HostError if there is no previous version or it is damaged and cannot be rebuilt, InstallError if it does not work;
    the release that was active then remains active. An error that follows the activation names the release that is
    active now.
    """
    goal = goal or Goal()
    # 1. Lock the prefix, and undo what a crash left.
    with locked(prefix.lock_file, wait=wait):
        transaction.resolve_interrupted(prefix)
        # 2. Find the release to activate, and a way to rebuild it if it differs from its receipt.
        wanted = release_to_activate(prefix, goal.to)
        build = rebuilding(prefix, wanted, progress, goal.rebuild or refuse_damaged)
        # 3. Activate it, or a new release that is rebuilt from the same manifest.
        if build is None:
            return go_to(prefix, wanted, None, progress)
        return go_to(prefix, prefix.new_release(*wanted.version_key), build, progress)


def foresee(prefix: Prefix, goal: Goal) -> tuple[Release, str, bool]:
    """Return the release that a rollback would activate, why it must be rebuilt or "", and whether data would return.

    Nothing is written. Raises HostError as ``rollback`` does.
    """
    wanted = release_to_activate(prefix, goal.to)
    trouble = intact.damage(prefix, wanted)
    return wanted, trouble, userdata.waiting(prefix, wanted) is not None


def rebuilding(
    prefix: Prefix, wanted: Release, progress: Progress, rebuild: Callable[[Prefix, Release, str], Build]
) -> Build | None:
    """Return the function that rebuilds a release, or None if it matches its receipt.

    Raises HostError if the release is damaged and cannot be rebuilt.
    """
    with progress.wait(_("Comparing {release} with its receipt").format(release=wanted.id)):
        trouble = intact.damage(prefix, wanted)
        build = rebuild(prefix, wanted, trouble) if trouble else None
    if trouble:
        progress.warn(
            _("{release} is damaged and will be rebuilt: {reason}.").format(release=wanted.id, reason=trouble)
        )
    return build


def go_to(prefix: Prefix, wanted: Release, build: Build | None, progress: Progress) -> Outcome:
    """Activate a release while holding the lock; ``build``, if given, builds it first."""
    former, called = prefix.active(), launchers.tool(prefix)
    command = transaction.REPAIRED if build else transaction.ROLLBACK
    try:
        with transaction.Transaction(prefix, command, wanted) as change:
            # 1. Back up if possible; a rollback does not change the data.
            back_up_if_possible(change, progress)
            # 2. Rebuild what is damaged.
            if build:
                build(change, progress)
            # 3. Switch, with the data of the release if it was set aside.
            return_to_retained(change, progress)
        # 4. Record it in the audit log.
        head = audit_log.append(
            prefix, "rollback", "done", release=wanted.id, receipt_sha256=seal.receipt_sha256(wanted)
        )
    except BaseException as error:
        head = audit_log.note_failure(prefix, "rollback", error, release=wanted.id)
        raise explained(error, prefix, head, former) from error
    return outcome_of(change, head, called)


def release_to_activate(prefix: Prefix, to: str | None) -> Release:
    """Return the named release, else the previous version.

    Raises HostError if there is none, or if it is already active or not retained, UsageError if the name is invalid.
    """
    active, wanted = prefix.active(), retention.previous(prefix) if to is None else prefix.release(to)
    if wanted is None:
        raise HostError(
            _("{path} retains no release of another version to roll back to.").format(path=prefix.root),
            advice=_("Install the wanted version from its bundle."),
        )
    if wanted == active:
        raise HostError(
            _("{release} is already active.").format(release=wanted.id), advice=_("Specify another release with --to.")
        )
    if not wanted.is_complete and wanted != retention.unmarked(prefix):
        stored = ", ".join(release.id for release in prefix.complete_releases())
        raise HostError(
            _("{release} is not retained in {path}.").format(path=prefix.root, release=wanted.id),
            advice=_("Choose one of these: {names}.").format(names=stored)
            if stored
            else _("Install a bundle, or repair the installation with recover."),
        )
    return wanted


def refuse_damaged(_prefix: Prefix, release: Release, trouble: str) -> Build:
    """Raise HostError: a release that differs from its receipt is not activated."""
    raise HostError(
        _("{release} is damaged and was not activated: {reason}.").format(release=release.id, reason=trouble),
        advice=_("Specify another release with --to, or install its bundle again."),
    )


def back_up_if_possible(change: transaction.Transaction, progress: Progress) -> None:
    """Back up before a rollback; if that fails, only warn, because a rollback changes no data itself."""
    try:
        change.back_up(progress)
    except (HostError, OSError) as trouble:
        change.note(backup=None)
        progress.warn(
            _("No backup was made for this rollback, which changes no data: {reason}").format(
                reason=troubles.described(trouble)
            )
        )


def return_to_retained(change: transaction.Transaction, progress: Progress) -> None:
    """Switch to a retained release, and to its data if it was set aside. Raises HostError if the data is lost."""
    prefix, manifest = change.prefix, change.release.manifest()
    data, layout = userdata.waiting(prefix, change.release), userdata.layout(prefix)
    if data is not None:
        change.set_incoming_data(data)
    elif layout is not None and layout != manifest.application.data_layout:
        raise HostError(
            _("The data for {release} is no longer retained.").format(release=change.release.id),
            advice=_("Roll back to another release; the data of this one is in a backup, see `backup list`."),
        )
    switch_and_check(change, manifest, progress)
