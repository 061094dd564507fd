"""Applying a plan: small things in place, everything else as a new release that is accepted before it counts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from bundle.archive import checked_blocks, file_blocks
from installer.change import migration, retention, transaction
from installer.install import install, preflight, rollback
from installer.layout import journal, misplaced, proofs, rights, seal
from installer.layout.store import Store
from installer.release import acceptance, bytecode, launchers, stage, tools_environment
from installer.release.installation import Installation
from recovery.diagnosis.proof import unkept
from recovery.planning import remedies as cures
from recovery.planning.parts import parts_of
from recovery.planning.plan import damaged_packages
from recovery.repair import trial
from recovery.repair.takeover import app_is_whole, carry_over, compile_again, good_items, take_over, tool_items
from shared.errors import InstallError, ToolError
from shared.files import files
from shared.i18n import _
from shared.programs.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from bundle.manifest import Manifest
    from bundle.opening import Bundle
    from installer.layout.prefix import Prefix, Release
    from recovery.diagnosis.diagnose import Diagnosis
    from recovery.diagnosis.proof import Proof
    from recovery.planning.plan import Plan
    from recovery.planning.remedies import Remedy
    from shared.terminal.console import Progress


def apply(plan: Plan, diagnosis: Diagnosis, bundle: Bundle | None, progress: Progress) -> retention.Collected:
    """Carry out a plan under the lock.

    1. What is mended in place: first what makes the release count, so that cleaning up spares it.
    2. One new release, or the former one; only a release that works stays active.
    3. The damaged one goes; returned is what went.

    Raises a RagtraceError; the release that was active before then stays so.
    """
    for remedy in plan.in_place:
        if isinstance(remedy, cures.FillStore):
            progress.step(remedy.what())  # it shows how far it is
            mend_in_place(remedy, diagnosis, bundle, progress)
        else:
            with progress.wait(remedy.what()):
                mend_in_place(remedy, diagnosis, bundle, progress)
    if plan.has(cures.FillStore):
        diagnosis = replace(diagnosis, lacking=())
    prefix = diagnosis.prefix
    if plan.has(cures.GoBack):
        return go_back(plan, diagnosis, progress)
    if plan.has(cures.Reinstall):
        assert bundle is not None  # the plan names it only when there is one
        return reinstall(bundle, prefix, progress)
    return repair(plan, diagnosis, progress) if plan.ladder else retention.Collected()


def mend_in_place(remedy: Remedy, diagnosis: Diagnosis, bundle: Bundle | None, progress: Progress) -> None:
    """Apply a remedy that changes one small thing."""
    prefix, release, proof = diagnosis.prefix, diagnosis.release, diagnosis.proof
    if mend_own(remedy, diagnosis):
        return
    if isinstance(remedy, cures.MarkComplete) and release:
        seal.mark_complete(release)
    elif isinstance(remedy, cures.PointCurrent) and release:
        prefix.point_at(release)
    elif isinstance(remedy, cures.WriteLaunchers) and proof:
        launchers.write(prefix, proof.manifest)
        launchers.prune(prefix, proof.manifest)
    elif isinstance(remedy, cures.WriteMetadata) and proof:
        for one in (proof, *unkept(prefix, proof)):
            proofs.keep(prefix, one.metadata)
        files.sync_filesystem(prefix.state)
    elif isinstance(remedy, cures.HealStore):
        heal_store(diagnosis)
    elif isinstance(remedy, cures.FillStore) and bundle:
        stage.fill_store(bundle, Store(prefix.store), progress)


def mend_own(remedy: Remedy, diagnosis: Diagnosis) -> bool:
    """Apply a remedy that needs nothing but the installation's folder; tell whether it was one."""
    prefix = diagnosis.prefix
    if isinstance(remedy, cures.MendPlaces):
        mend_places(diagnosis)
    elif isinstance(remedy, cures.MendRights):
        rights.mend(prefix, diagnosis.release)
    elif isinstance(remedy, cures.CleanUp):
        clean_up(prefix)
    elif isinstance(remedy, cures.ProtectSettings):
        files.make_private(prefix.env_file)
    else:
        return False
    return True


def mend_places(diagnosis: Diagnosis) -> None:
    """Put the tool's own folders and files in order; what can be told anew of what they held is written again."""
    prefix = diagnosis.prefix
    misplaced.mend(prefix, diagnosis.places)
    if not os.path.lexists(journal.path(prefix)):
        journal.write(prefix, None)
    active, former = prefix.active(), retention.previous(prefix)
    if active is not None and not os.path.lexists(prefix.state / "previous"):
        retention.remember_former(prefix, active, former.id if former else None)


def clean_up(prefix: Prefix) -> None:
    """Undo what a crash left, and make a damaged journal whole."""
    transaction.recover_crash(prefix)
    journal.write(prefix, None)
    if prefix.active() is not None:
        retention.collect(prefix)


def heal_store(diagnosis: Diagnosis) -> None:
    """Take files that the store lacks from their good copies; they are hashed on the way in."""
    store = Store(diagnosis.prefix.store)
    for entry in diagnosis.lacking:
        source = diagnosis.spare.get(entry.sha256)
        if source is not None:
            store.add(entry, checked_blocks(entry, file_blocks(source, entry.path)))


def repair(plan: Plan, diagnosis: Diagnosis, progress: Progress) -> retention.Collected:
    """Make a release like the damaged one and activate it; where that fails, rebuild it from all kept wheels."""
    assert diagnosis.proof is not None  # a plan without it goes to the last resorts
    others = plan.has(cures.ResolveAgain)
    whole = plan.has(cures.RebuildEnvironment) is not None or others is not None
    unlocked = others.manifest if isinstance(others, cures.ResolveAgain) else None
    try:
        return _repair(plan.packages, diagnosis, diagnosis.proof, progress, whole=whole, unlocked=unlocked)
    except (InstallError, ToolError) as error:
        if whole or diagnosis.lost:
            raise
        progress.warn(_("{reason} The whole environment is rebuilt.").format(reason=error.what))
        return _repair(plan.packages, diagnosis, diagnosis.proof, progress, whole=True)


def _repair(
    packages: frozenset[str],
    diagnosis: Diagnosis,
    proof: Proof,
    progress: Progress,
    *,
    whole: bool,
    unlocked: Manifest | None = None,
) -> retention.Collected:
    """Build and activate a release; ``unlocked`` is the signed manifest with other versions of packages."""
    prefix, damaged = diagnosis.prefix, diagnosis.release
    assert damaged is not None  # there is a proof of what it was made from
    parts = None if whole or unlocked else parts_of(diagnosis, damaged_packages(diagnosis))
    manifest = unlocked or (parts.manifest if parts else proof.manifest)
    contents = parts.contents if parts else {}
    if not damaged.path.is_dir():
        prefix.forgo(damaged)  # it is gone: its name stands in logs, and for no other
    release = prefix.new_release(manifest.product.counter, proof.manifest_sha256)
    preflight.demand(
        [
            *preflight.runtime(manifest),
            preflight.repair_space(manifest, prefix, None if whole else packages),
            *preflight.in_use(prefix, release),
        ]
    )
    installation = Installation(prefix, release, manifest)
    python = stage.python_for(installation)
    with transaction.Transaction(prefix, transaction.RECOVER, release) as change:
        change.make_folders(manifest)
        proof.write(release.bundle)
        with progress.wait(_("Writing the application's files")):
            stage.stage_files(installation, python)
        if whole:
            stage.stage_environment(installation, python, progress)
            install.accept(installation, diagnosis.digests, progress)
        else:  # its files ran before, and their bytecode is there: the health check after the switch tries them
            remake_environment(installation, packages, diagnosis, progress, kept=contents)
            if parts and parts.keeps_tools:
                keep_tools(release, diagnosis, python, progress)
            acceptance.check_records(
                Installation(prefix, release, proof.manifest), diagnosis.digests, progress, damaged=contents
            )
            if not app_is_whole(diagnosis.deviations):
                bytecode.compile_application(installation, acceptance.basic_environment(), progress)
        install.finish(
            installation,
            python,
            proof.fingerprints,
            diagnosis.digests,
            progress,
            is_locked=unlocked is None,
            damaged=contents,
        )
        check = None if whole else lambda: trial.try_out(diagnosis, packages, parts, progress)
        install.activate(change, manifest, progress, check=check)
        retention.discard(damaged)
        unchanged = [path for path in files_of(diagnosis, release) if diagnosis.digests.knows(path)]
    for path in unchanged:  # the damaged release is gone, and with it one name of each file
        diagnosis.digests.renew(path)
    return change.collected


def files_of(diagnosis: Diagnosis, release: Release) -> list[str]:
    """Return where a new release has what the damaged one had."""
    items = diagnosis.receipt.items if diagnosis.receipt else ()
    return [os.path.join(release.path, item.path) for item in items]


def remake_environment(
    installation: Installation,
    packages: frozenset[str],
    diagnosis: Diagnosis,
    progress: Progress,
    *,
    kept: Collection[str],
) -> None:
    """Make a fresh environment: some packages from their wheels, all others from the damaged release.

    ``kept`` are paths that are taken over though they are damaged.
    """
    assert diagnosis.receipt is not None  # it says what is as it was
    assert diagnosis.release is not None
    release = installation.release
    scratch = release.path / stage.SCRATCH
    uv = Uv(scratch)
    try:
        uv.venv(release.venv, stage.python_for(installation))
        if packages:
            with progress.wait(_("Reinstalling: {names}").format(names=", ".join(sorted(packages)))):
                stage.sync_environment(uv, installation, only=packages)
    finally:
        uv.close()
        files.remove_tree(scratch)
    with progress.wait(_("Reusing what is not damaged")):
        items = list(good_items(diagnosis.receipt, diagnosis.deviations, packages))
        take_over(items, diagnosis.release, release, diagnosis.digests)
        carry_over(kept, diagnosis.release, release)
    with progress.wait(_("Compiling the reinstalled packages")):
        compile_again(diagnosis.receipt, release, kept)


def keep_tools(release: Release, diagnosis: Diagnosis, python: Path, progress: Progress) -> None:
    """Make the scanners' environment anew and take over what it holds, where not all of its wheels are kept."""
    assert diagnosis.receipt is not None
    assert diagnosis.release is not None
    uv = Uv(release.path / stage.SCRATCH)
    try:
        uv.venv(tools_environment.root_of(release), python)
    finally:
        uv.close()
        files.remove_tree(release.path / stage.SCRATCH)
    with progress.wait(_("Reusing the scanners")):
        items = list(tool_items(diagnosis.receipt, diagnosis.deviations, release))
        take_over(items, diagnosis.release, release, diagnosis.digests)


def reinstall(bundle: Bundle, prefix: Prefix, progress: Progress) -> retention.Collected:
    """Install a bundle in full in place of the damaged release."""
    preflight.demand(preflight.of_bundle(bundle, prefix))
    release = prefix.new_release(bundle.manifest.product.counter, bundle.manifest_sha256)
    with transaction.Transaction(prefix, transaction.RECOVER, release) as change:
        change.make_folders(bundle.manifest)
        migration.prepare(change, bundle.manifest, progress)
        install.build(bundle, release, prefix, progress)
        install.activate(change, bundle.manifest, progress)
        if change.former is not None:
            retention.discard(change.former)
    return change.collected


def go_back(plan: Plan, diagnosis: Diagnosis, progress: Progress) -> retention.Collected:
    """Make the former release active, and look at it from outside; the damaged one goes when it works."""
    remedy = plan.has(cures.GoBack)
    assert remedy is not None
    prefix = diagnosis.prefix
    with transaction.Transaction(prefix, transaction.RETURN, prefix.release(remedy.names[0])) as change:
        rollback.return_to_kept(change, progress)
        if diagnosis.release is not None:
            retention.discard(diagnosis.release)
    return change.collected
