"""Installing a verified bundle, which becomes the active release.

Before ``current`` names the new release, which is the commit point, and where that does not work, everything is undone;
whatever fails later leaves it active.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from installer.advisories import retained_list
from installer.change import migration, transaction
from installer.change.activation import activate
from installer.change.outcome import Outcome, explained, outcome_of
from installer.install import preflight, repeated
from installer.install.first import clear_away, unmake
from installer.layout import seal
from installer.layout.location import own_command
from installer.logs import audit_log, usage
from installer.logs.identity import settle
from installer.release import acceptance, launchers, settings, stage
from installer.release.digests import Digests
from installer.release.environment import meanwhile
from installer.release.environment.wheels import Environment
from installer.release.installation import Installation
from installer.release.sealing.finish import Origin, accept, finish
from installer.trust.admission import admit, remember
from shared.errors import HostError, RagtraceError, TrustError
from shared.files.process_lock import locked
from shared.i18n import _, composed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.opening import Bundle
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.trust.admission import AdmittedBundle, Candidate
    from shared.terminal.progress import Progress


def install(candidate: Candidate, progress: Progress, *, wait: float = 0.0, reinstall: bool = False) -> Outcome:
    """Install a bundle as a new release and activate it; with ``reinstall`` also if that very release is active.

    Raises HostError or TrustError if this host or the bundle is refused, BusyError if another run holds the lock,
    InstallError if the installation fails later. The release that was active before remains active, unless the error
    comes after the commit point: then it names the new one, which stays.
    """
    prefix = candidate.prefix
    progress.step(_("Checking this host"))
    # 1. Check everything possible before the first write. A new prefix has no lock yet: step 3 admits again.
    is_new = not prefix.exists
    if is_new:
        admit(candidate)
        preflight.require_ok(preflight.of_bundle(candidate.bundle, prefix))
    # 2. Lock the prefix, and undo what a crash left, which may occupy space that is needed.
    prefix.make()
    with locked(prefix.lock_file, wait=wait):
        warning = retained_list.settle(prefix, candidate.trust_stores)
        if warning:
            progress.warn(warning)
        transaction.resolve_interrupted(prefix)
        # 3. Admit the bundle and check the host again, because step 2, or a run that it waited for, changes things.
        with removing_if_refused(prefix, is_new=is_new and not prefix.complete_releases()):
            admitted = admit(candidate)
            for text in admitted.warnings:
                progress.warn(text)
            # 4. Leave the release as it is if this very one is active, intact and working.
            outcome = None if reinstall else reuse_active(admitted, progress)
            if outcome is None:
                check_host(candidate.bundle, prefix, progress)
        if candidate.asset is not None:
            settle(prefix, candidate.asset)
        # 5. Otherwise build the release and activate it.
        outcome = outcome or install_release(admitted, progress)
        # 6. Record its counter, and the sequence numbers of its advisories.
        for warning in filter(None, (remember(admitted), retained_list.remember(prefix, admitted.trust_stores))):
            progress.warn(warning)
        return outcome


@contextlib.contextmanager
def removing_if_refused(prefix: Prefix, *, is_new: bool) -> Iterator[None]:
    """Remove a new prefix if its bundle is refused or this host does not fit."""
    try:
        yield
    except (HostError, TrustError):
        if is_new:
            unmake(prefix)
        raise


def install_release(admitted: AdmittedBundle, progress: Progress) -> Outcome:
    """Build a release from an admitted bundle and activate it while holding the lock.

    The end of the transaction collects what nothing needs any more, which ``change.collected`` lists.

    A failure before the commit point, or of the health check, undoes all changes. A later one leaves the
    release active.
    """
    prefix = admitted.prefix
    release, former = prefix.coming(admitted.bundle), prefix.active()
    is_new, called = not prefix.complete_releases(), launchers.tool(prefix)
    try:
        with transaction.Transaction(prefix, "install", release) as change:
            change.back_up(progress)
            build_and_activate(change, admitted, progress)
        head = record(admitted, release)
    except BaseException as error:
        head = audit_log.note_failure(prefix, "install", error, release=release.id)
        if is_new and prefix.active() is None:
            clear_away(prefix)
        raise explained(error, prefix, head, former) from error
    return outcome_of(change, head, called)


def build_and_activate(change: transaction.Transaction, admitted: AdmittedBundle, progress: Progress) -> None:
    """Build the transaction's release from an admitted bundle and activate it; a reinstallation does so too."""
    manifest = admitted.manifest
    # 1. Make the user's folders; copy data that must be migrated.
    change.make_folders(manifest)
    copy = migration.prepare(change, manifest, progress)
    # 2. Verify every byte on its way into the store; build the release at its final path, accept and seal it.
    build(admitted, change.release, progress, data=copy)
    # 3. Activate it: ``current`` is replaced, which is the commit point. If it does not work, switch back.
    activate(change, manifest, progress)
    # 4. Write the first settings file, or report the settings that are new.
    settings.write_env_file(change.prefix, manifest, change.former, progress)


def record(admitted: AdmittedBundle, release: Release) -> str:
    """Add an installed release to the audit log; return the log's new head."""
    product = admitted.manifest.product
    return audit_log.append(
        admitted.prefix,
        "install",
        "done",
        release=release.id,
        product=product.name,
        version=product.version,
        manifest_sha256=admitted.manifest_sha256,
        receipt_sha256=seal.receipt_sha256(release),
        signers=[signer.key.fingerprint for signer in admitted.bundle.signers],
    )


def reuse_active(admitted: AdmittedBundle, progress: Progress) -> Outcome | None:
    """Return the outcome if the bundle's release is already active, intact and working, else None.

    Also completes the steps that a run killed after ``current`` named the release may have missed.
    """
    bundle, prefix = admitted.bundle, admitted.prefix
    release = repeated.active_of(bundle, prefix)
    if release is None:
        return None
    with progress.wait(_("Comparing {release} with its receipt").format(release=release.id)):
        trouble = repeated.trouble(bundle, prefix, release)
    try:
        if not trouble:
            acceptance.check_health(prefix, bundle.manifest, progress)
    except RagtraceError as error:
        trouble = error.what
    if trouble:
        text = _("{release} is damaged and will be reinstalled from the bundle: {reason}.")
        progress.warn(text.format(release=release.id, reason=trouble.rstrip(".")))
        return None
    settings.write_env_file(prefix, bundle.manifest, release, progress)
    head = audit_log.head(prefix) if repeated.is_recorded(prefix, release) else record(admitted, release)
    tool = launchers.tool(prefix) or own_command.in_prefix(prefix.root)
    return Outcome(prefix.root, release.id, release.id, head, tool, already=True)


def check_host(bundle: Bundle, prefix: Prefix, progress: Progress) -> None:
    """Report warnings about this host and the releases to be removed. Raises HostError if a finding does not fit.

    The clock is left to the admission, which does not check it again for a release that the prefix retains.
    """
    findings = preflight.of_bundle(bundle, prefix)
    preflight.require_ok(findings)
    for finding in findings:
        if finding.warns and not finding.of_admission:
            text = "{name}: {details}. {advice}"
            progress.warn(composed(text, name=finding.name, details=finding.details, advice=finding.advice))
    for line in preflight.removals(bundle, prefix):
        progress.step(line)


def build(admitted: AdmittedBundle, release: Release, progress: Progress, *, data: Path | None = None) -> None:
    """Build and accept a release from a bundle, migrate ``data``, a copy of the user's, if given, and seal the release.

    What its advisories lack of those in force is retained before it is activated. Raises TrustError if its snapshot is
    malformed or cannot be compared.
    """
    manifest = admitted.manifest
    installation = Installation(admitted.prefix, release, manifest)
    store, python = installation.store, stage.python_for(installation)
    meter, digests = usage.Meter(), Digests()
    with meanwhile.arriving(Environment(installation, python, digests), digests) as arrivals:
        with meter.phase(usage.VERIFY):
            stage.verify_into_store(admitted, store, progress, arrivals)
            stage.require_unpacked_size(manifest, store)
            stage.write_bundle_files(admitted, release)
        with meter.phase(usage.FILES), progress.wait(_("Writing the application's files")):
            stage.stage_files(installation, python)
        with meter.phase(usage.ENVIRONMENT):
            stage.stage_environment(installation, python, progress, arrivals)
    with meter.phase(usage.TRIAL):
        accept(installation, digests, progress)
    if data is not None:
        migration.migrate(installation, data, progress)
    signers = tuple(signer.key.fingerprint for signer in admitted.bundle.signers)
    finish(installation, Origin(python, signers, digests), progress, meter=meter)
    warning = retained_list.prepare(installation, admitted.trust_stores)
    if warning:
        progress.warn(warning)
