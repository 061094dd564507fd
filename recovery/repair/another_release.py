"""The remedies that activate another release: a rebuilt one (replacement.py), the previous one, or that of a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from installer.change import retention
from installer.change.transaction import RECOVER, RETURN, Transaction
from installer.install import install, preflight, rollback
from recovery.repair.remedy import HIGH, MEDIUM, AnotherRelease, RepairContext
from recovery.repair.replacement import Replacement
from shared.errors import InstallError, ToolError
from shared.i18n import _
from validator.finding_kinds import APPLICATION, ENVIRONMENT, INTERPRETER, MODEL, RUN_FILES, UNLOCKED

if TYPE_CHECKING:
    from bundle.manifest import Manifest
    from installer.change.retention import Collected
    from installer.layout.release import Release
    from installer.trust.admission import AdmittedBundle
    from recovery.inspection.inspection import Inspection


class PartialRebuild(AnotherRelease):
    """Rebuilds all damaged parts of a release; if that fails and no stored file is lost, rebuilds all of it.

    Its subclasses only name the parts: the plan lists one for each kind of damage, and any of them does the same.
    """

    def apply(self, context: RepairContext) -> Collected:
        try:
            return Replacement(context, whole=False).make()
        except (InstallError, ToolError) as error:
            if context.inspection.lost:
                raise
            context.progress.warn(_("{reason} The whole environment will be rebuilt.").format(reason=error.what))
            return Replacement(context, whole=True).make()


class RelinkModels(PartialRebuild):
    """Links model files from the store again; the inspection has verified them there."""

    id = "models"
    kinds = (MODEL,)

    def what(self) -> str:
        return _("link the model files from the store again")


class ReinstallPackages(PartialRebuild):
    """Reinstalls damaged packages from their stored wheels and reuses all others."""

    id = "packages"

    def what(self) -> str:
        return _("reinstall only these from the stored wheels: {names}").format(names=self.listed())


class RestoreFiles(PartialRebuild):
    """Rewrites the application's files, its start files and the bundle's metadata."""

    id = "files"
    kinds = (APPLICATION, RUN_FILES)

    def what(self) -> str:
        return _("write the application's files and start files again")

    def effect(self) -> str:
        return _("Altered and added application files are left out; the backup contains the added ones.")


class RemakeEnvironmentFiles(PartialRebuild):
    """Rebuilds the virtual environment's own files and reuses the packages."""

    id = "environment"
    kinds = (ENVIRONMENT, INTERPRETER)

    def what(self) -> str:
        return _("recreate the environment's own files and reuse its packages")


class RebuildRelease(AnotherRelease):
    """Rebuilds the whole release as in the signed manifest, reusing no file of the damaged one."""

    id = "rebuild"
    risk = MEDIUM

    def what(self) -> str:
        return _("rebuild the release from the signed manifest and all stored wheels")

    def effect(self) -> str:
        return _("This takes as long as an installation; data and settings are not changed.")

    def apply(self, context: RepairContext) -> Collected:
        return Replacement(context, whole=True).make()


@dataclass(frozen=True)
class ResolveAgain(AnotherRelease):
    """Installs other versions from the stored wheels if wheels of the signed set are lost."""

    id: ClassVar[str] = "resolve"
    risk: ClassVar[str] = HIGH

    manifest: Manifest | None = None

    def what(self) -> str:
        return _("build the release from other versions that are stored on this host: {names}").format(
            names=self.listed()
        )

    def effect(self) -> str:
        return _("This set of packages is not signed; validate warns while it is active.")

    @property
    def repaired(self) -> frozenset[str]:
        return super().repaired - {UNLOCKED}

    def apply(self, context: RepairContext) -> Collected:
        return Replacement(context, whole=True, unlocked=self.manifest).make()


@dataclass(frozen=True)
class GoBack(AnotherRelease):
    """Activates another intact release, preferably the previous version.

    ``with_data`` is set if data was set aside for it: that data replaces the current data.
    """

    id: ClassVar[str] = "rollback"
    risk: ClassVar[str] = MEDIUM

    with_data: bool = False

    def what(self) -> str:
        return _("roll back to the intact release {release}").format(release=self.listed())

    def effect(self) -> str:
        if self.with_data:
            return _(
                "Another retained release becomes active with the data that was set aside for it; the backup contains "
                "the current data. Settings are not changed."
            )
        return _("Another retained release becomes active; data and settings are not changed.")

    def next_release(self, inspection: Inspection, admitted: AdmittedBundle | None) -> Release:  # noqa: ARG002 - the release exists already
        return inspection.prefix.release(self.names[0])

    def apply(self, context: RepairContext) -> Collected:
        release = self.next_release(context.inspection, context.admitted)
        # the new release is checked through PREFIX/bin; if it works, the damaged one is removed
        prefix = context.inspection.prefix
        with Transaction(prefix, RETURN, release) as change:
            rollback.return_to_retained(change, context.progress)
            if context.inspection.release is not None:
                retention.unmark_damaged(prefix, context.inspection.release)
        return change.collected


@dataclass(frozen=True)
class Reinstall(AnotherRelease):
    """Installs a whole bundle. ``migrates`` is set if the user's data must be migrated for it."""

    id: ClassVar[str] = "reinstall"
    risk: ClassVar[str] = MEDIUM

    migrates: bool = False

    def what(self) -> str:
        return _("install the bundle in full: {path}").format(path=self.listed())

    def effect(self) -> str:
        if self.migrates:
            return _(
                "This takes as long as an installation; a migrated copy of the data replaces it, and the backup "
                "contains the previous data. Settings are not changed."
            )
        return _("This takes as long as an installation; data and settings are not changed.")

    def next_release(self, inspection: Inspection, admitted: AdmittedBundle | None) -> Release:
        assert admitted is not None  # a plan contains this remedy only if there is one
        return inspection.prefix.coming(admitted.bundle)

    def apply(self, context: RepairContext) -> Collected:
        assert context.admitted is not None
        admitted, prefix = context.admitted, context.inspection.prefix
        preflight.require_ok(preflight.of_bundle(admitted.bundle, prefix))
        with Transaction(prefix, RECOVER, self.next_release(context.inspection, admitted)) as change:
            install.build_and_activate(change, admitted, context.progress)
            if change.former is not None:
                retention.unmark_damaged(prefix, change.former)
        return change.collected
