"""The release that takes the place of a damaged one: built, accepted and sealed; undone if it does not work."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from installer.change import retention
from installer.change.activation import activate
from installer.change.transaction import RECOVER, Transaction
from installer.install import install, preflight
from installer.release import acceptance, bytecode, stage, tools_environment
from installer.release.installation import Installation
from recovery.repair import trial
from recovery.repair.parts import parts_of
from recovery.repair.reuse import app_is_whole, compile_again, good_items, reuse_files, take_over, tool_items
from shared.files import files
from shared.i18n import _
from shared.programs.uv import Uv

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.layout.release import Release
    from recovery.inspection.proof import Proof
    from recovery.repair.parts import Parts
    from recovery.repair.remedy import Work


@dataclass(frozen=True)
class Replacement:
    """A release like the damaged one.

    With ``whole``, everything is installed anew from the stored wheels, else some packages, and what is not damaged
    is reused. ``unlocked`` is the signed manifest with other versions of packages.
    """

    work: Work
    whole: bool
    unlocked: Manifest | None = None

    def make(self) -> retention.Collected:
        """Build it and make it active; return what went with the damaged one.

        1. See whether this host has what it takes.
        2. Build it: all of it, or what is damaged.
        3. Seal it.
        4. Make it active, and try it: only one that works stays so.
        5. Remove the damaged one.

        Raises a RagtraceError; the release that was active before then stays so.
        """
        work, manifest, damaged = self.work, self.manifest, self.damaged
        prefix, digests = work.inspection.prefix, work.inspection.digests
        if not damaged.path.is_dir():
            prefix.forgo(damaged)  # it is gone: its name stands in logs, and for no other
        release = prefix.new_release(manifest.product.counter, self.proof.manifest_sha256)
        # 1.
        self._require_host(release)
        with Transaction(prefix, RECOVER, release) as change:
            # 2.
            change.make_folders(manifest)
            python = self._lay_files(release)
            self._build_whole(release, python) if self.whole else self._build_in_part(release, python)
            # 3.
            self._seal(release, python)
            # 4.
            check = None if self.whole else self._try_out
            activate(change, manifest, work.progress, check=check)
            # 5.
            retention.discard(damaged)
            unchanged = [path for path in self._files_of(release) if digests.knows(path)]
        for path in unchanged:  # the damaged release is gone, and with it one name of each file
            digests.renew(path)
        return change.collected

    @cached_property
    def proof(self) -> Proof:
        """What the damaged release was made from."""
        assert self.work.inspection.proof is not None  # a plan without it goes to the last resorts
        return self.work.inspection.proof

    @cached_property
    def damaged(self) -> Release:
        assert self.work.inspection.release is not None  # there is a proof of what it was made from
        return self.work.inspection.release

    @cached_property
    def parts(self) -> Parts | None:
        """What stays damaged, None where everything is installed anew."""
        inspection = self.work.inspection
        return None if self.whole else parts_of(inspection, inspection.damaged_packages)

    @property
    def contents(self) -> dict[str, str]:
        """The paths that are reused though they are damaged, and what they should hold."""
        return self.parts.contents if self.parts else {}

    @property
    def manifest(self) -> Manifest:
        return self.unlocked or (self.parts.manifest if self.parts else self.proof.manifest)

    def _installation(self, release: Release) -> Installation:
        """Return the new release with what it is built from."""
        return Installation(self.work.inspection.prefix, release, self.manifest)

    def _require_host(self, release: Release) -> None:
        """Raise HostError where this host has not what the release takes."""
        prefix = self.work.inspection.prefix
        preflight.require_ok(
            [
                *preflight.runtime(self.manifest),
                preflight.repair_space(self.manifest, prefix, None if self.whole else self.work.packages),
                *preflight.in_use(prefix, release),
            ]
        )

    def _lay_files(self, release: Release) -> Path:
        """Write all but the environment; return the Python that it runs on."""
        python = stage.python_for(self._installation(release))
        self.proof.write(release.bundle)
        with self.work.progress.wait(_("Writing the application's files")):
            stage.stage_files(self._installation(release), python)
        return python

    def _build_whole(self, release: Release, python: Path) -> None:
        """Install every package, and try the release as a new one."""
        installation, progress = self._installation(release), self.work.progress
        stage.stage_environment(installation, python, progress)
        install.accept(installation, self.work.inspection.digests, progress)

    def _build_in_part(self, release: Release, python: Path) -> None:
        """Install what is damaged and reuse the rest.

        Its files ran before, and their bytecode is there: the health check after the switch tries them.
        """
        inspection, progress = self.work.inspection, self.work.progress
        self.remake_environment(release, python)
        if self.parts and self.parts.keeps_tools:
            self._take_over_tools(release, python)
        signed = replace(self._installation(release), manifest=self.proof.manifest)
        acceptance.check_records(signed, inspection.digests, progress, damaged=self.contents)
        if not app_is_whole(inspection.deviations):
            bytecode.compile_application(self._installation(release), acceptance.basic_environment(), progress)

    def remake_environment(self, release: Release, python: Path) -> None:
        """Make a fresh environment: some packages from their wheels, all others from the damaged release."""
        inspection, packages, progress = self.work.inspection, self.work.packages, self.work.progress
        assert inspection.receipt is not None  # it says what is as it was
        scratch = release.path / stage.SCRATCH
        uv = Uv(scratch)
        try:
            uv.venv(release.venv, python)
            if packages:
                with progress.wait(_("Reinstalling: {names}").format(names=", ".join(sorted(packages)))):
                    stage.sync_environment(uv, self._installation(release), only=packages)
        finally:
            uv.close()
            files.remove_tree(scratch)
        with progress.wait(_("Reusing what is not damaged")):
            items = list(good_items(inspection.receipt, inspection.deviations, packages))
            take_over(items, self.damaged, release, inspection.digests)
            reuse_files(self.contents, self.damaged, release)
        with progress.wait(_("Compiling the reinstalled packages")):
            compile_again(inspection.receipt, release, self.contents)

    def _take_over_tools(self, release: Release, python: Path) -> None:
        """Make the scanners' environment anew and reuse what it holds, where not all of its wheels are stored."""
        inspection = self.work.inspection
        assert inspection.receipt is not None
        uv = Uv(release.path / stage.SCRATCH)
        try:
            uv.venv(tools_environment.root_of(release), python)
        finally:
            uv.close()
            files.remove_tree(release.path / stage.SCRATCH)
        with self.work.progress.wait(_("Reusing the scanners")):
            items = list(tool_items(inspection.receipt, inspection.deviations, release))
            take_over(items, self.damaged, release, inspection.digests)

    def _seal(self, release: Release, python: Path) -> None:
        origin = install.Origin(
            python, self.proof.fingerprints, self.work.inspection.digests, self.unlocked is None, self.contents
        )
        install.finish(self._installation(release), origin, self.work.progress)

    def _try_out(self) -> None:
        trial.try_out(self.work.inspection, self.work.packages, self.parts, self.work.progress)

    def _files_of(self, release: Release) -> list[str]:
        """Return where a new release has what the damaged one had."""
        receipt = self.work.inspection.receipt
        return [os.path.join(release.path, item.path) for item in (receipt.items if receipt else ())]
