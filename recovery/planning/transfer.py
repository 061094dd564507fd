"""Advice to the operator, who alone can transfer a bundle or restore a backup of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.layout.location import own_command
from installer.userdata import backups
from shared.i18n import _, plural

if TYPE_CHECKING:
    from recovery.inspection.inspection import Inspection


def what_to_transfer(inspection: Inspection) -> str:
    """Return the advice on the bundle to transfer, for a host that lacks files that a repair needs."""
    if inspection.proof is not None:
        manifest = inspection.proof.manifest
        lost = [entry.path for entry in inspection.lost]
        text = plural(
            "Copy the folder {folder} (release counter {counter}), including {archive}, to this host; a stored "
            "file is lost ({first}).",
            "Copy the folder {folder} (release counter {counter}), including {archive}, to this host; {count} "
            "stored files are lost ({first}, …).",
            len(lost),
        )
        return text.format(
            count=len(lost),
            first=lost[0] if lost else "",
            folder=manifest.folder,
            counter=manifest.product.counter,
            archive=manifest.archive,
        )
    if inspection.release is not None:
        counter = inspection.release.counter
        return _("Transfer the bundle with release counter {counter}, or a newer one.").format(counter=counter)
    return _("Transfer the bundle that was installed here, or a newer one.")


def how_to_restore(inspection: Inspection) -> str:
    """Return the advice on restoring lost data: from the newest backup with data, if there is one."""
    found = backups.newest_with_data(inspection.prefix)
    if found is None:
        text = _("Recreate the folder (`mkdir {path}`), or copy it from elsewhere; no backup contains data.")
        return text.format(path=inspection.prefix.data)
    command = own_command.line("backup", "restore", found.name, prefix=inspection.prefix.root)
    text = _("Restore the data from a backup; the newest one with data is {name}, created {created}: {command}")
    return text.format(name=found.name, created=found.created, command=command)
