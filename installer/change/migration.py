"""Data whose layout changes with a release: migrated on a copy, which comes in only with a release that works.

The profile gives each layout a number. The previous data go aside with the previous release, and come back with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.layout import journal, service
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
FROM = "RAGTRACE_DATA_LAYOUT"  # gives the command the layout of the data, empty where it is not known


def is_due(manifest: Manifest, prefix: Prefix) -> bool:
    """Return whether a release needs the user's data in another layout.

    Data of unknown layout are migrated: the command finds out. Where there are none, the empty folder
    goes aside all the same: the previous release reads nothing else when it comes back. Raises HostError for data that
    are newer than the release.
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


def prepare(change: Transaction, manifest: Manifest, progress: Progress) -> None:
    """Make a copy of the user's data that becomes theirs with the release, where a migration is due."""
    prefix = change.prefix
    if not is_due(manifest, prefix):
        return
    userdata.require_movable(prefix)
    copy = prefix.root / userdata.INCOMING
    try:
        with progress.wait(_("Copying the data")):
            left_out = copies.copy_tree(prefix.data, copy)
        userdata.require_closed(copy)  # the application may have made a link meanwhile
        change.expect(copy)
    except BaseException:
        files.remove_tree(copy)
        raise
    for path in left_out:
        progress.warn(_("{path} is a socket, pipe or device and is not copied.").format(path=path))


def migrate(installation: Installation, progress: Progress) -> None:
    """Let the release's command migrate the copy that this run has made, if any. Raises InstallError when it fails.

    It gets placeholders for settings, so that nothing leads it to the data themselves.
    """
    prefix, release, manifest = installation.prefix, installation.release, installation.manifest
    entry = journal.read(prefix)
    if entry is None or entry.incoming != userdata.INCOMING:
        return
    data = prefix.root / entry.incoming
    migration = manifest.application.migration
    assert migration is not None  # without one, none is due
    persist.link_to(release, manifest, data)
    if not _holds_anything(data):
        return
    name, *arguments = migration.command
    previous = userdata.layout(prefix)
    caller = {**acceptance.basic_environment(), FROM: "" if previous is None else str(previous)}
    env = launchers.trial_environment(installation, caller, str(data))
    argv, folder = launchers.trial_command(installation, migration.command, str(data))
    with progress.wait(_("Migrating the data to layout {number}").format(number=migration.layout)):
        account = service.account_of(data)  # what it makes there is to be the same account's
        ended = service.run(argv, env, timeout=TIMEOUT, folder=folder or data, account=account)
    acceptance.require_success(ended, name, arguments)
