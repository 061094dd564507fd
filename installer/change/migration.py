"""Migration of user data to a new layout, on a copy that is adopted only if the release works.

The profile gives each layout a number. The previous data is set aside with the previous release, and returns with it on
a rollback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.layout import service_account
from installer.release import acceptance, launchers
from installer.userdata import copies, persist, userdata
from shared.errors import HostError
from shared.files import files, trees
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.change.transaction import Transaction
    from installer.layout.prefix import Prefix
    from installer.release.installation import Installation
    from shared.terminal.progress import Progress

TIMEOUT = 6 * 3600.0  # seconds
FROM = "RAGTRACE_DATA_LAYOUT"  # passes the layout of the data to the command; empty if unknown


def is_due(manifest: Manifest, prefix: Prefix) -> bool:
    """Return whether a release needs the user's data in another layout.

    Data of unknown layout is migrated: the migration command detects it. Even an empty folder of a known layout is set
    aside, because a rollback requires data in the previous release's layout. Raises HostError if the data is newer than
    the release.
    """
    found, wanted = userdata.layout(prefix), manifest.application.data_layout
    if found is not None and found > wanted:
        raise HostError(
            _("The data in {path} has layout {found}, but this release reads layout {wanted}.").format(
                path=prefix.data, found=found, wanted=wanted
            ),
            advice=_("Transfer a release that reads it, or run rollback."),
        )
    if manifest.application.migration is None or found == wanted:
        return False
    return found is not None or _holds_anything(prefix.data)


def _holds_anything(data: Path) -> bool:
    return any(entry.is_file or entry.is_link for entry in trees.files(data))


def prepare(change: Transaction, manifest: Manifest, progress: Progress) -> Path | None:
    """Copy the user's data if a migration is due, and return the copy, which replaces it when the release is activated.

    Returns None if no migration is due.
    """
    prefix = change.prefix
    if not is_due(manifest, prefix):
        return None
    userdata.require_movable(prefix)
    copy = prefix.root / userdata.INCOMING
    try:
        with progress.wait(_("Copying the data")):
            left_out = copies.copy_tree(prefix.data, copy)
        userdata.require_closed(copy)  # the application may have created a link meanwhile
        change.set_incoming_data(copy)
    except BaseException:
        files.remove_tree(copy)
        raise
    for path in left_out:
        progress.warn(_("{path} is a socket, pipe or device and is not copied.").format(path=path))
    return copy


def migrate(installation: Installation, data: Path, progress: Progress) -> None:
    """Run the release's migration command on ``data``, the copy that ``prepare`` made.

    The command gets placeholders for settings, so that none of them refers to the original data. Raises InstallError if
    it fails.
    """
    prefix, release, manifest = installation.prefix, installation.release, installation.manifest
    migration = manifest.application.migration
    assert migration is not None  # without a migration, no copy was made
    persist.link_to(release, manifest, data)
    if not _holds_anything(data):
        return
    name, *arguments = migration.command
    previous = userdata.layout(prefix)
    caller = {**acceptance.basic_environment(), FROM: "" if previous is None else str(previous)}
    env = launchers.trial_environment(installation, caller, str(data))
    argv, folder = launchers.trial_command(installation, migration.command, str(data))
    with progress.wait(_("Migrating the data to layout {number}").format(number=migration.layout)):
        account = service_account.account_of(data)  # so that files created by the migration belong to it
        ended = service_account.run(argv, env, timeout=TIMEOUT, folder=folder or data, account=account)
    acceptance.require_success(ended, name, arguments)
