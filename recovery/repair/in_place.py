"""The remedies that each change one small thing in place."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from bundle.reading.medium import checked_blocks, file_blocks
from installer.change import retention, transaction
from installer.layout import journal, misplaced, proofs, rights, seal
from installer.layout.store import Store
from installer.release import launchers, stage
from recovery.inspection.proof import unkept
from recovery.repair.remedy import NO_RISK, InPlace, RepairContext
from shared.files import files
from shared.i18n import _
from validator.finding_kinds import CRASH, LAUNCHER, METADATA, PLACE, POINTER, RIGHTS, SEAL, SETTINGS, STORE

if TYPE_CHECKING:
    from recovery.inspection.inspection import Inspection


class CleanUp(InPlace):
    """Undoes an unfinished run, removes its remains, and collects what nothing needs any more."""

    id = "clean-up"
    kinds = (CRASH,)
    risk = NO_RISK

    def what(self) -> str:
        return _("undo what an unfinished run left behind")

    def effect(self) -> str:
        return _("Unfinished files of the installer are removed; the active release stays.")

    def repair(self, context: RepairContext) -> None:
        prefix = context.inspection.prefix
        transaction.resolve_interrupted(prefix)
        journal.write(prefix, None)  # also replaces a damaged one
        if prefix.active() is not None:
            retention.collect(prefix)


class RepairMisplaced(InPlace):
    """Replaces folders and files of the tool that have the wrong type or are missing."""

    id = "places"
    kinds = (PLACE,)
    uncovers = True

    def what(self) -> str:
        return _("fix the tool's own folders and files: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Whatever is in the way is renamed: .moved- and a number are added to its name.")

    def repair(self, context: RepairContext) -> None:
        prefix = context.inspection.prefix
        misplaced.repair(prefix, context.inspection.misplaced)
        # only the journal and the name of the previous version can be rebuilt
        if not os.path.lexists(journal.path(prefix)):
            journal.write(prefix, None)
        active, previous = prefix.active(), retention.previous(prefix)
        if active is not None and not os.path.lexists(prefix.previous_file):
            retention.remember_previous(prefix, active, previous.id if previous else None)


class RepairRights(InPlace):
    """Restores the owner and the permissions that the installed files had when the release was sealed."""

    id = "rights"
    kinds = (RIGHTS,)
    risk = NO_RISK
    uncovers = True

    def what(self) -> str:
        return _("reset owner and permissions of the installed files: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Other users can no longer change installed files; no content changes.")

    def repair(self, context: RepairContext) -> None:
        rights.repair(context.inspection.prefix, context.inspection.release)


class ProtectSettings(InPlace):
    """Removes the permissions of other users on .env."""

    id = "settings"
    kinds = (SETTINGS,)
    risk = NO_RISK

    def what(self) -> str:
        return _("make {names} readable by the owner only").format(names=self.listed())

    def effect(self) -> str:
        return _("Other users of this host can no longer read the keys in this file; its content is unchanged.")

    def repair(self, context: RepairContext) -> None:
        files.make_private(context.inspection.prefix.env_file)


class MarkComplete(InPlace):
    """Recreates the mark of a release that was active and therefore complete."""

    id = "seal"
    kinds = (SEAL,)

    def what(self) -> str:
        return _("recreate the completion mark of {release}").format(release=self.listed())

    def effect(self) -> str:
        return _("The release is complete again.")

    def repair(self, context: RepairContext) -> None:
        assert context.inspection.release is not None  # the release without a mark
        seal.mark_complete(context.inspection.release)


class PointCurrent(InPlace):
    """Points ``current`` to the release again."""

    id = "current"
    kinds = (POINTER,)

    def what(self) -> str:
        return _("activate {release} again").format(release=self.listed())

    def effect(self) -> str:
        return _("The launchers in bin start this release.")

    def repair(self, context: RepairContext) -> None:
        assert context.inspection.release is not None  # the release in ``names``
        context.inspection.prefix.set_current(context.inspection.release)


class WriteLaunchers(InPlace):
    """Writes the launchers in PREFIX/bin again, and removes those that the release does not have."""

    id = "launchers"
    kinds = (LAUNCHER,)
    risk = NO_RISK

    def what(self) -> str:
        return _("recreate the launchers: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("The launchers in bin are restored as they were installed.")

    def repair(self, context: RepairContext) -> None:
        assert context.inspection.proof is not None  # its manifest lists the launchers
        launchers.renew(context.inspection.prefix, context.inspection.proof.manifest)


class WriteSecondCopies(InPlace):
    """Writes the second copies of the signed metadata."""

    id = "papers"
    kinds = (METADATA,)
    risk = NO_RISK

    def what(self) -> str:
        return _("write the second copy of the signed metadata")

    def effect(self) -> str:
        return _("A later repair can use this copy if the one in the release is damaged.")

    def repair(self, context: RepairContext) -> None:
        assert context.inspection.proof is not None  # there is metadata to write
        prefix, proof = context.inspection.prefix, context.inspection.proof
        for one in (proof, *unkept(prefix, proof)):
            proofs.keep(prefix, one.metadata)
        files.sync_filesystem(prefix.state)


class RepairStore(InPlace):
    """Repairs the store from intact copies on this host."""

    id = "store-heal"
    kinds = (STORE,)
    risk = NO_RISK

    def what(self) -> str:
        return _("repair stored files from copies on this host: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Only files that repairs need are written; the active release stays.")

    def repair(self, context: RepairContext) -> None:
        repair_store(context.inspection)


class RepairStoreFromBundle(InPlace):
    """Repairs the store from the bundle that the release was built from."""

    id = "store-fill"
    kinds = (STORE,)
    risk = NO_RISK
    uncovers = True

    def what(self) -> str:
        return _("repair stored files from the bundle: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("The whole bundle is verified again; only missing or damaged files are written.")

    def apply(self, context: RepairContext) -> None:
        context.progress.step(self.what())  # the repair shows its own progress
        self.repair(context)

    def repair(self, context: RepairContext) -> None:
        assert context.admitted is not None  # a plan contains this remedy only if there is one
        stage.verify_into_store(context.admitted, Store(context.inspection.prefix.store), context.progress)
        context.inspection = replace(context.inspection, lacking=())


def repair_store(inspection: Inspection) -> None:
    """Add lacking files to the store from intact copies on this host, verifying their digests again."""
    store = Store(inspection.prefix.store)
    for entry in inspection.lacking:
        source = inspection.spare.get(entry.sha256)
        if source is not None:
            store.add(entry, checked_blocks(entry, file_blocks(source, entry.path)))
