"""Replace a damaged release: build, seal and activate a new one, and undo that if it does not work."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from installer.change import retention
from installer.change.activation import activate
from installer.change.transaction import RECOVER, Transaction
from installer.install import preflight
from installer.release import acceptance, bytecode, tools_environment
from installer.release.environment.wheels import SCRATCH, Environment
from installer.release.installation import Installation
from installer.release.sealing.finish import Origin, finish
from recovery.repair import health
from recovery.repair.from_store import build_whole, write_files
from recovery.repair.remaining import remaining_damage
from recovery.repair.reuse import app_is_whole, compile_again, good_items, reuse_files, take_over, tool_items
from shared.files import files
from shared.i18n import _
from shared.programs.uv import Uv

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.layout.release import Release
    from recovery.inspection.proof import Proof
    from recovery.repair.remaining import RemainingDamage
    from recovery.repair.remedy import RepairContext


@dataclass(frozen=True)
class Replacement:
    """The replacement of a damaged release by a new one of the same version.

    With ``whole``, all packages are installed from the stored wheels; otherwise only the damaged ones, and the intact
    files are reused.
    ``unlocked`` is the signed manifest with other versions of packages.
    """

    context: RepairContext
    whole: bool
    unlocked: Manifest | None = None

    def make(self) -> retention.Collected:
        """Build and activate the new release; return the collected releases.

        1. Check that this host meets the requirements.
        2. Build the release: all of it, or the damaged parts.
        3. Seal it.
        4. Activate it and test it; it remains active only if it works.
        5. Unmark the damaged one, so that the end of the transaction removes it.

        Raises a RagtraceError on failure. Until the end of step 4, the release that was active before remains active;
        an error of step 5 leaves the new one active.
        """
        context, manifest, damaged = self.context, self.manifest, self.damaged
        prefix, digests = context.inspection.prefix, context.inspection.digests
        if not damaged.path.is_dir():
            prefix.retire_name(damaged)  # logs contain its name, so no other release may get it
        release = prefix.new_release(*damaged.version_key)
        # 1.
        self._require_host(release)
        with Transaction(prefix, RECOVER, release) as change:
            # 2.
            change.make_folders(manifest)
            python = self._build(release)
            # 3.
            self._seal(release, python)
            # 4.
            check = None if self.whole else self._try_repaired
            activate(change, manifest, context.progress, check=check)
            # 5.
            retention.unmark_damaged(prefix, damaged)
            for path in self._files_of(release):  # with the damaged release, one hard link of each file is removed
                digests.expect_unlink(path)
        return change.collected

    @cached_property
    def proof(self) -> Proof:
        """The proof of the manifest that the damaged release was built from."""
        assert self.context.inspection.proof is not None  # a plan without a proof contains only last resorts
        return self.context.inspection.proof

    @cached_property
    def damaged(self) -> Release:
        assert self.context.inspection.release is not None  # a proof is always that of a release
        return self.context.inspection.release

    @cached_property
    def remaining(self) -> RemainingDamage | None:
        """The parts that remain damaged, or None if everything is reinstalled."""
        return None if self.whole else remaining_damage(self.context.inspection)

    @property
    def packages(self) -> frozenset[str]:
        """The packages that are reinstalled from the stored wheels where the rest is reused."""
        damaged = self.context.inspection.damaged_packages
        return damaged - self.remaining.packages if self.remaining else damaged

    @property
    def contents(self) -> dict[str, str]:
        """The paths that are reused although they are damaged, with the content that they should have."""
        return self.remaining.contents if self.remaining else {}

    @property
    def manifest(self) -> Manifest:
        return self.unlocked or (self.remaining.manifest if self.remaining else self.proof.manifest)

    def _installation(self, release: Release) -> Installation:
        """Return the new release with the manifest that it is built from."""
        return Installation(self.context.inspection.prefix, release, self.manifest)

    def _require_host(self, release: Release) -> None:
        """Raise HostError if this host does not meet the requirements of the release."""
        prefix = self.context.inspection.prefix
        preflight.require_ok(
            [
                *preflight.runtime(self.manifest),
                preflight.repair_space(self.manifest, prefix, None if self.whole else self.packages),
                *preflight.too_many_running(prefix, release),
            ]
        )

    def _build(self, release: Release) -> Path:
        """Build the release, and return its Python interpreter."""
        inspection, progress, installation = self.context.inspection, self.context.progress, self._installation(release)
        if self.whole:
            return build_whole(installation, self.proof, inspection.digests, progress)
        python = write_files(installation, self.proof, progress)
        self._build_in_part(release, python)
        return python

    def _build_in_part(self, release: Release, python: Path) -> None:
        """Reinstall the damaged parts and reuse the rest.

        The reused files have worked before, and their bytecode exists: the trial after the activation is enough.
        """
        inspection, progress = self.context.inspection, self.context.progress
        self.remake_environment(release, python)
        if self.remaining and self.remaining.keeps_tools:
            self._take_over_tools(release, python)
        signed = replace(self._installation(release), manifest=self.proof.manifest)
        acceptance.check_records(signed, inspection.digests, progress, damaged=self.contents)
        if not app_is_whole(inspection.deviations):
            bytecode.compile_application(self._installation(release), acceptance.basic_environment(), progress)

    def remake_environment(self, release: Release, python: Path) -> None:
        """Create a new environment with some packages from their wheels and all others from the damaged release."""
        inspection, packages, progress = self.context.inspection, self.packages, self.context.progress
        assert inspection.receipt is not None  # it shows which files are intact
        environment = Environment(self._installation(release), python, inspection.digests)
        try:
            environment.make()
            if packages:
                with progress.wait(_("Reinstalling: {names}").format(names=", ".join(sorted(packages)))):
                    environment.install(packages)
                    environment.install_winners()
        finally:
            environment.close()
        with progress.wait(_("Reusing what is not damaged")):
            items = list(good_items(inspection.receipt, inspection.deviations, packages))
            take_over(items, self.damaged, release, inspection.digests)
            reuse_files(self.contents, self.damaged, release)
        with progress.wait(_("Compiling the reinstalled packages")):
            compile_again(inspection.receipt, release, self.contents)

    def _take_over_tools(self, release: Release, python: Path) -> None:
        """Create the scanners' environment again, with its files reused from the damaged release."""
        inspection = self.context.inspection
        assert inspection.receipt is not None
        uv = Uv(release.path / SCRATCH)
        try:
            uv.venv(tools_environment.root_of(release), python)
        finally:
            uv.close()
            files.remove_tree(release.path / SCRATCH)
        with self.context.progress.wait(_("Reusing the scanners")):
            items = list(tool_items(inspection.receipt, inspection.deviations, release))
            take_over(items, self.damaged, release, inspection.digests)

    def _seal(self, release: Release, python: Path) -> None:
        origin = Origin(
            python, self.proof.fingerprints, self.context.inspection.digests, self.unlocked is None, self.contents
        )
        finish(self._installation(release), origin, self.context.progress)

    def _try_repaired(self) -> None:
        health.try_repaired(self.context.inspection, self.packages, self.remaining, self.context.progress)

    def _files_of(self, release: Release) -> list[str]:
        """Return the paths in the new release of the files that the damaged one had."""
        receipt = self.context.inspection.receipt
        return [f"{release.path}{os.sep}{item.path}" for item in (receipt.items if receipt else ())]
