"""Installing a verified bundle, which becomes the active release.

Before ``current`` names the new release, which is the commit point, and where that does not work, everything is undone;
whatever fails later leaves it active.
"""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from bundle.digest import sha256_file
from bundle.wheels import structure
from installer.advisories import earlier
from installer.change import migration, transaction
from installer.change.activation import activate
from installer.change.outcome import Outcome, explained, outcome_of
from installer.install import preflight, repeated
from installer.install.uninstall import clear_away, unmake
from installer.layout import proofs, seal
from installer.layout.location import own_command
from installer.logs import audit_log, usage
from installer.release import acceptance, launchers, receipt, settings, stage
from installer.release.digests import Digests
from installer.release.installation import Installation
from installer.trust.admission import admit, remember
from installer.userdata import persist
from shared import __version__
from shared.errors import HostError, RagtraceError, TrustError
from shared.files.process_lock import locked
from shared.i18n import _
from shared.processes import process
from shared.programs.uv import base_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bundle.opening import Bundle
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.trust.admission import AdmittedBundle, Candidate
    from shared.terminal.progress import Progress

VERSION_TIME_LIMIT = 60.0  # seconds


def install(candidate: Candidate, progress: Progress, *, wait: float = 0.0, reinstall: bool = False) -> Outcome:
    """Install a bundle as a new release and activate it; with ``reinstall`` also if that very release is active.

    Raises HostError or TrustError if this host or the bundle is refused, BusyError if another run holds the lock,
    InstallError if the installation fails later. The release that was active before remains active, unless the error
    comes after the commit point: then it names the new one, which stays.
    """
    prefix = candidate.prefix
    progress.step(_("Checking this host"))
    # 1. Check everything possible before the first write. A new prefix has no lock yet: step 3 admits again.
    made = not prefix.exists
    if made:
        admit(candidate)
        preflight.require_ok(preflight.of_bundle(candidate.bundle, prefix))
    # 2. Lock the prefix, and undo what a crash left, which may occupy space that is needed.
    prefix.make()
    with locked(prefix.state / "lock", wait=wait):
        transaction.resolve_interrupted(prefix)
        # 3. Admit the bundle and check the host again, because step 2, or a run that it waited for, changes things.
        with removing_if_refused(prefix, is_new=made and not prefix.complete_releases()):
            admitted = admit(candidate)
            for text in admitted.warnings:
                progress.warn(text)
            outcome = None if reinstall else reuse_active(admitted, progress)
            if outcome is None:
                check_host(candidate.bundle, prefix, progress)
        # 4. Build the release, unless this very one is active and intact.
        outcome = outcome or install_release(admitted, progress)
        # 5. Record its counter, and the sequence numbers of its advisories.
        for warning in filter(None, (remember(admitted), earlier.remember(prefix, admitted.trust_stores))):
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

    A failure before the commit point, or of the health check, undoes all changes. A later one leaves the
    release active.
    """
    prefix, manifest = admitted.prefix, admitted.manifest
    release, former = prefix.new_release(manifest.product.counter, admitted.manifest_sha256), prefix.active()
    fresh, called = not prefix.complete_releases(), launchers.tool(prefix)
    try:
        with transaction.Transaction(prefix, "install", release) as change:
            # 1. Back up; make the user's folders; copy data that must be migrated.
            change.back_up(progress)
            change.make_folders(manifest)
            migration.prepare(change, manifest, progress)
            # 2. Verify every byte on its way into the store; build the release at its final path, accept and seal it.
            build(admitted, release, progress)
            # 3. Activate it: ``current`` is replaced, which is the commit point. If it does not work, switch back.
            activate(change, manifest, progress)
            settings.write_env_file(prefix, manifest, former, progress)
        head = record(admitted, release)
    except BaseException as error:
        head = audit_log.note_failure(prefix, "install", error, release=release.id)
        if fresh and prefix.active() is None:
            clear_away(prefix)
        raise explained(error, prefix, head, former) from error
    return outcome_of(change, head, called)


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
            progress.warn(f"{finding.name}: {finding.details}. {finding.advice}")
    for line in preflight.removals(bundle, prefix):
        progress.step(line)


def build(admitted: AdmittedBundle, release: Release, progress: Progress) -> None:
    """Build and accept a release from a bundle, migrate the copy of the data if there is one, and seal the release.

    What its advisories lack of those in force is retained before it is activated.
    """
    manifest = admitted.manifest
    installation = Installation(admitted.prefix, release, manifest)
    store, python = installation.store, stage.python_for(installation)
    meter, digests = usage.Meter(), Digests()
    with meter.phase(usage.VERIFY):
        stage.verify_into_store(admitted, store, progress, digests)
        stage.require_unpacked_size(manifest, store)
        stage.write_bundle_files(admitted, release)
    with meter.phase(usage.FILES), progress.wait(_("Writing the application's files")):
        stage.stage_files(installation, python)
    with meter.phase(usage.ENVIRONMENT):
        stage.stage_environment(installation, python, progress, digests)
    with meter.phase(usage.TRIAL):
        accept(installation, digests, progress)
    migration.migrate(installation, progress)
    signers = tuple(signer.key.fingerprint for signer in admitted.bundle.signers)
    finish(installation, Origin(python, signers, digests), progress, meter=meter)
    warning = earlier.prepare(installation, admitted.trust_stores)
    if warning:
        progress.warn(warning)


@dataclass(frozen=True)
class Origin:
    """The origin of a release, for its receipt.

    ``digests`` caches the digests of files that were just hashed; ``damaged`` maps the paths of files known to be
    damaged to the content that they should have. ``is_locked`` is false if its set of packages is not the signed one.
    """

    python: Path
    signers: tuple[str, ...]
    digests: Digests
    is_locked: bool = True
    damaged: Mapping[str, str] = field(default_factory=dict)

    def receipt(
        self, installation: Installation, items: tuple[receipt.Item, ...], used: usage.Usage | None
    ) -> receipt.Receipt:
        """Return the receipt of a release as of now, with its inventory and the resources that building it used."""
        release, product = installation.release, installation.manifest.product
        return receipt.Receipt(
            release=release.id,
            product=product.name,
            version=product.version,
            counter=product.counter,
            manifest_sha256=sha256_file(release.bundle / "MANIFEST.json")[0],
            signers=self.signers,
            installed=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            interpreter=str(self.python),
            interpreter_version=version_of(self.python),
            interpreter_sha256=sha256_file(self.python)[0],
            installer_version=__version__,
            locked=self.is_locked,
            items=items,
            usage=used,
        )


def accept(installation: Installation, digests: Digests, progress: Progress) -> None:
    """Compare a built release with its RECORDs and the lockfile, then try it out on scratch data."""
    with structure.blamed(installation.store.wheels(installation.manifest.of_kind("wheel"))):
        acceptance.check_records(installation, digests, progress)
    with stage.on_scratch_data(installation):
        acceptance.try_out(installation, progress)


def finish(installation: Installation, origin: Origin, progress: Progress, *, meter: usage.Meter | None = None) -> None:
    """Link the user's data to an accepted release, write the receipt, and seal the release."""
    prefix, release, meter = installation.prefix, installation.release, meter or usage.Meter()
    persist.link_to(release, installation.manifest, prefix.data)
    with meter.phase(usage.INVENTORY), progress.wait(_("Reading every file of the release")):
        items = receipt.take_inventory(release, installation.site_packages, origin.digests, installation.winners)
    items = receipt.with_expected(items, origin.damaged)
    receipt.write_receipt(release, origin.receipt(installation, items, meter.usage()))
    proofs.keep(prefix, proofs.read_metadata(release.bundle))
    with progress.wait(_("Syncing the release to disk")):
        seal.seal(release)


def version_of(python: Path) -> str:
    """Return an interpreter's version; the running one is not started again."""
    if python == base_interpreter():
        return platform.python_version()
    return reported_version(python)


def reported_version(python: Path) -> str:
    """Return the version that an interpreter reports. Raises ToolError if it does not report one."""
    code = "import platform; print(platform.python_version())"
    reported = process.run([str(python), "-I", "-B", "-c", code], timeout=VERSION_TIME_LIMIT)
    return process.checked(reported, str(python)).stdout.strip()
