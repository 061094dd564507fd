"""Bundle functions: opening, verifying, installing, rolling back, uninstalling, and trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.api.here import QUIET, prefix_or_none, settle_advisories, trust_stores
from installer.layout.location import own_command
from installer.layout.location.finding import default_root, find_prefix, prefix_at
from installer.trust.admission import AS_IT_IS, Candidate, admit
from installer.trust.authority import authority
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.opening import Bundle
    from bundle.signing.chain import Signed
    from installer.change.outcome import Outcome
    from installer.install.preflight import HostResult
    from installer.install.repeated import Effect
    from installer.install.uninstall import Removal
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.trust.admission import AdmittedBundle, Conditions
    from installer.trust.memory import Memory
    from installer.trust.memory_admin import Account
    from installer.trust.state import State
    from installer.wheel_index.write import Index
    from shared.terminal.progress import Progress


def open_bundle(bundle: Path | None = None, *, trusted_keys: Sequence[str] = ()) -> Bundle:
    """Return a bundle whose signature is valid; without a path, the one next to the zipapp.

    The signature is verified against the host's policy, else the keys in this installer, else ``trusted_keys``.
    """
    from bundle import opening

    if bundle is None:
        bundle = own_command.folder()
        if bundle is None:
            raise UsageError(_("No bundle specified."), advice=_("Specify the folder that contains SHA256SUMS."))
    # the expiry of keys is checked at admission, and only for a first installation
    return opening.open_bundle(bundle, authority(trust_stores(), trusted_keys).policy)


def prefix_for(bundle: Bundle, prefix: Path | None) -> Prefix:
    """Return the prefix for a bundle: the named folder, or this user's default for the product."""
    return prefix_at(prefix or default_root() / bundle.manifest.product.name)


def verify(bundle: Path | None = None, *, trusted_keys: Sequence[str] = (), progress: Progress = QUIET) -> Bundle:
    """Verify a bundle's signatures and all of its bytes without installing it; return the opened bundle."""
    from bundle.reading.medium import drain

    opened = open_bundle(bundle, trusted_keys=trusted_keys)
    with progress.task(opened.name, opened.bytes_brought) as task:
        opened.visit(lambda _entry, blocks: drain(blocks), task.advance)
    return opened


def write_index(
    folder: Path, bundle: Path | None = None, *, trusted_keys: Sequence[str] = (), progress: Progress = QUIET
) -> Index:
    """Write a bundle's wheels to a new folder as a package index of static files, and return what was written."""
    from installer.wheel_index import write

    return write.write(open_bundle(bundle, trusted_keys=trusted_keys), folder, progress)


def plan_index(folder: Path, bundle: Path | None = None, *, trusted_keys: Sequence[str] = ()) -> Index:
    """Return the index that ``write_index`` would write; nothing is written. Raises UsageError if it cannot."""
    from installer.wheel_index import write

    return write.foresee(open_bundle(bundle, trusted_keys=trusted_keys), folder)


def admission(bundle: Bundle, prefix: Path | None = None, *, conditions: Conditions = AS_IT_IS) -> AdmittedBundle:
    """Admit an opened bundle for installation and return it with its warnings. Raises TrustError if it is rejected."""
    return admit(Candidate(bundle, prefix_for(bundle, prefix), trust_stores(), conditions))


def plan(bundle: Bundle, prefix: Path | None = None, *, conditions: Conditions = AS_IT_IS) -> list[HostResult]:
    """Return the findings of a dry run of an installation on this host; nothing is written.

    Raises TrustError if the bundle is rejected.
    """
    from installer.install import preflight

    admission(bundle, prefix, conditions=conditions)
    return preflight.of_bundle(bundle, prefix_for(bundle, prefix))


def effect_of(bundle: Bundle, prefix: Path | None = None, *, reinstall: bool = False) -> Effect:
    """Return the effect of installing a bundle: whether there is nothing to do, and which releases would be removed."""
    from installer.install import repeated

    return repeated.effect_of(bundle, prefix_for(bundle, prefix), reinstall=reinstall)


def is_known(bundle: Bundle, prefix: Prefix) -> bool:
    """Return whether this host knows a bundle's signers: its policy, or the installed release, accepts them."""
    from installer.trust import known

    return known.is_known(bundle, prefix, trust_stores())


def install(
    bundle: Bundle,
    prefix: Path | None = None,
    *,
    progress: Progress = QUIET,
    wait: float = 0.0,
    conditions: Conditions = AS_IT_IS,
    asset: str | None = None,
    reinstall: bool = False,
) -> Outcome:
    """Install an opened bundle as a new release and activate it; with ``reinstall`` also if it is active and intact.

    ``asset`` becomes the stored asset name.

    If that fails, the previous release remains active, unless the error names the new one: then only what follows the
    activation failed, such as the entry in the audit log.
    """
    from installer.install.install import install as install_candidate

    candidate = Candidate(bundle, prefix_for(bundle, prefix), trust_stores(), conditions, asset)
    return install_candidate(candidate, progress, wait=wait, reinstall=reinstall)


def upgrade(
    folder: Path,
    prefix: Path | None = None,
    *,
    options: Sequence[str] = (),
    conditions: Conditions = AS_IT_IS,
) -> int:
    """Verify a newer bundle on behalf of an installation, then run the bundle's own installer.

    None of its code runs before its signature, counter and date are accepted and its installer matches the signed
    digest. ``options`` are passed to the ``install`` command of that installer, whose exit code is returned.
    """
    from installer.install.upgrade import pass_control

    candidate = Candidate(open_bundle(folder), find_prefix(prefix), trust_stores(), conditions)
    return pass_control(admit(candidate), folder, options)


def rollback(
    prefix: Path | None = None,
    *,
    to: str | None = None,
    progress: Progress = QUIET,
    wait: float = 0.0,
) -> Outcome:
    """Activate the previous release, or the retained one named by ``to``; a damaged one is rebuilt from the store."""
    from installer.install.rollback import Goal
    from installer.install.rollback import rollback as roll_back
    from recovery.rebuild_for_rollback import rebuilding

    found, stores = find_prefix(prefix), trust_stores()
    settle_advisories(found, stores, progress, wait)
    return roll_back(found, progress, Goal(to, rebuilding(stores)), wait=wait)


def plan_rollback(prefix: Path | None = None, *, to: str | None = None) -> tuple[Release, str, bool]:
    """Return the release that a rollback would activate, why it must be rebuilt or "", and whether data would return.

    Nothing is written. Raises HostError if there is none to roll back to.
    """
    from installer.install import rollback as rolling

    return rolling.foresee(find_prefix(prefix), rolling.Goal(to))


def uninstall(
    prefix: Path | None = None, *, purge: bool = False, progress: Progress = QUIET, wait: float = 0.0
) -> Removal:
    """Remove the installation; with ``purge`` also the user's data, settings, models and backups, and the audit log.

    What runs regularly for it is stopped and removed too.
    """
    from installer.install.uninstall import uninstall as remove
    from installer.monitoring import schedule

    found = find_prefix(prefix, allow_uninstalled=purge)
    if not found.is_left:
        settle_advisories(found, trust_stores(), progress, wait)
    scheduled = schedule.existing(found)
    removal = remove(found, progress, purge=purge, wait=wait)
    for reason in schedule.remove(found, scheduled):
        progress.warn(reason)
    return removal


def worth_keeping(prefix: Path | None = None) -> tuple[Path, ...]:
    """Return the paths that an uninstallation would leave, without ``purge``."""
    from installer.install.uninstall import worth_keeping as would_stay

    return would_stay(find_prefix(prefix))


def trust_state(prefix: Path | None = None) -> State:
    """Return the keys that this host trusts, and the record of what it accepted."""
    from installer.trust.state import read_state

    return read_state(trust_stores(), prefix_or_none(prefix))


def why_untrusted(prefix: Path | None = None) -> str | None:
    """Return why this host's policies reject the signers of the active release; None if they do not, or without one."""
    from installer.trust import state

    found = prefix_or_none(prefix)
    return state.why_untrusted(trust_stores(), found) if found else None


def memory_accounts(prefix: Path | None = None) -> list[Account]:
    """Return the trust records of this host, this user and the installation, with their problems."""
    from installer.trust import memory_admin

    return memory_admin.accounts(trust_stores(), prefix_or_none(prefix))


def accept_memory(prefix: Path | None = None) -> tuple[Memory, str]:
    """Accept the releases found on this host as its complete trust record.

    Returns the record, and the head of the audit log or "" if nothing was logged.
    """
    from installer.trust import memory_admin

    return memory_admin.accept(trust_stores(), prefix_or_none(prefix))


def update_trust(
    policies: Sequence[Path],
    prefix: Path | None = None,
    *,
    only_prefix: bool = False,
    trusted_keys: Sequence[str] = (),
    dry_run: bool = False,
) -> list[Signed]:
    """Adopt new policies for the host, or with ``only_prefix`` for one installation, and return the new ones.

    With ``dry_run`` they are checked and returned, and nothing is written.
    """
    from installer.trust import update

    if only_prefix:
        return update.update_prefix(policies, find_prefix(prefix).trust, trusted_keys, dry_run=dry_run)
    return update.update_host(policies, trust_stores(), trusted_keys, dry_run=dry_run)
