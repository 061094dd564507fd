"""A change of a prefix that happens completely or not at all.

The journal records the change in progress, and ``current`` determines its outcome. An error in a Transaction and the
first command after a crash have the same effect: the change is undone if ``current`` does not name the new release
yet, and finished if it does.
"""

from __future__ import annotations

import contextlib
import logging
import re
import stat
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from installer.change import retention
from installer.layout import in_use, journal, seal, service_account
from installer.release import launchers
from installer.userdata import backups, persist, userdata
from shared.errors import BusyError, HostError, RagtraceError
from shared.files import files, temp_folders
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.layout.store import Store
    from shared.terminal.progress import Progress

ROLLBACK = "rollback"  # to a retained release; nothing is built
REPAIRED = "rollback-repair"  # to a previous release that is rebuilt because it is damaged
RETURN = "return"  # to a retained release, from a damaged one; nothing is built
RECOVER = "recover"  # the command that replaces a damaged active release
RESTORE = "restore"  # the command that restores a backup; once journaled it is always finished
# the file of persist.py, which once had a number in its name, and the folders of temp_folders.py
OWN_IN_DATA = re.compile(
    rf"(?P<file>{re.escape(persist.TEMPORARY)}|\.ragtrace-[0-9]+\.tmp)|{re.escape(temp_folders.TRIAL)}[0-9a-f]{{32}}"
)
LOG = logging.getLogger("ragtrace")


@dataclass
class Transaction:
    """A block in which a release is made current; ``entry`` is its entry in the journal.

    A change that fails or is killed in the block is undone as long as ``current`` does not name the release, and is
    finished from then on, even if the release was not checked. Only a check that fails or is interrupted makes the
    previous release current again (activation.py).
    """

    prefix: Prefix
    command: str
    release: Release
    collected: retention.Collected = field(default_factory=retention.Collected)

    def __enter__(self) -> Self:
        self.former = former = self.prefix.active()
        self.entry = journal.Entry(self.command, self.release.id, former.id if former else None)
        journal.write(self.prefix, self.entry)
        return self

    def note(self, **changes: Any) -> None:
        """Record a step in the journal before it is taken."""
        self.entry = replace(self.entry, **changes)
        journal.write(self.prefix, self.entry)

    def back_up(self, progress: Progress) -> None:
        """Back up settings and data; undoing the run removes the backup."""
        if self.former is None and not backups.holds_anything(self.prefix):
            return
        name = backups.new_name(self.prefix, f"before-{self.command}")
        self.note(backup=name)
        with progress.wait(_("Backing up settings and data")):
            backups.create(self.prefix, name, quick=self.command == ROLLBACK)

    def set_incoming_data(self, data: Path) -> None:
        """Record a tree that replaces the user's data when the release is activated."""
        self.note(incoming=data.relative_to(self.prefix.root).as_posix(), inode=userdata.inode(data))

    def make_folders(self, manifest: Manifest) -> None:
        """Create the user's folders that a new release links to, each journaled."""
        self.entry = persist.make_folders(self.prefix, manifest, self.entry)

    def write_data(self, manifest: Manifest, store: Store) -> None:
        """Add the shipped files to the user's data, each journaled; where the user has another file, beside it."""
        self.entry = persist.write(self.prefix, manifest, store, self.entry)

    def switch(self) -> None:
        """Exchange the data if the release has its own, then make the release current: that is the commit point."""
        userdata.swap_in(self.prefix, self.entry)
        self.prefix.set_current(self.release)

    def switch_back(self) -> None:
        """Make the release that was active before current again, or no release if there was none."""
        if self.prefix.named() != self.former:
            make_current(self.prefix, self.former)
        userdata.swap_out(self.prefix, self.entry)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # from the journal, which also lists files of a step that failed before it returned
            resolve_entry(self.prefix, journal.read(self.prefix) or self.entry)
        else:
            self.finish()

    def finish(self) -> None:
        """Complete the switch, set ``collected`` to what was removed since nothing needs it, and end the journal."""
        try:
            complete_switch(self.prefix, self.entry)
            if self.command == ROLLBACK:
                stored = self.prefix.backups  # may be a separate filesystem
                files.sync_filesystem(stored if stored.is_dir() else self.prefix.root)  # makes a quick backup durable
            self.collected = retention.collect(self.prefix)
            tidy_launchers(self.prefix)  # the tool's command depends on what is retained
            backups.prune(self.prefix)
            _end(self.prefix)
        except OSError as trouble:
            LOG.warning("left for the next run to clean up: %s", trouble)


def make_current(prefix: Prefix, release: Release | None) -> None:
    """Make a release current, or no release if it is None."""
    if release is not None:
        prefix.set_current(release)
    else:
        files.remove_tree(prefix.current)
        files.sync_folder(prefix.root)


def resolve_entry(prefix: Prefix, entry: journal.Entry) -> None:
    """Undo an unfinished run, or finish it if ``current`` already names its release.

    A restoration that is in the journal is always finished.
    """
    if entry.command == RESTORE:
        finish_restoring(prefix, entry)
        return
    files.sync_folder(prefix.root)  # a kill may have come between the switch and its sync, on which the next steps rely
    active = prefix.active()
    if active is None or active.id != entry.release:
        userdata.swap_out(prefix, entry)
        persist.take_back(prefix.data, entry)
        if entry.backup is not None:
            backups.remove(prefix, entry.backup)
        if entry.command not in (ROLLBACK, RETURN):
            _forgo(prefix, prefix.release(entry.release))
            seal.remove(prefix.release(entry.release))
    else:
        complete_switch(prefix, entry)
        if entry.command in (RECOVER, RETURN) and entry.former is not None:
            retention.unmark_damaged(prefix, prefix.release(entry.former))
    retention.collect(prefix)
    tidy_launchers(prefix)
    _end(prefix)


def _end(prefix: Prefix) -> None:
    """Clear the journal once all removals are durable, because no later command repeats them."""
    try:
        if sys.platform != "win32":  # NTFS logs the removals before the journal's replacement
            ours = [folder for folder in prefix.folders if folder != prefix.data and folder.is_dir()]
            for folder in {folder.stat().st_dev: folder for folder in ours}.values():
                files.sync_filesystem(folder)
    except OSError as trouble:
        LOG.warning("left for the next run to clean up: %s", trouble)
        return
    journal.write(prefix, None)


def _forgo(prefix: Prefix, release: Release) -> None:
    """Retire the name of an unfinished release; a full disk does not prevent the cleanup."""
    if release.path.exists():  # else nothing was ever written there
        with contextlib.suppress(OSError):
            prefix.retire_name(release)


def complete_switch(prefix: Prefix, entry: journal.Entry) -> None:
    """Finish the steps that follow once a release has become current."""
    if entry.incoming is not None:
        userdata.swap_in(prefix, entry)  # does nothing if the switch has exchanged them: ``incoming`` is the old data
        former_data = prefix.root / entry.incoming  # since the exchange
        persist.take_back(former_data, entry)  # folders made only for the new release
    userdata.keep_previous(prefix, entry)
    retention.remember_previous(prefix, prefix.release(entry.release), entry.former)


def finish_restoring(prefix: Prefix, entry: journal.Entry) -> None:
    """Finish a journaled restoration."""
    userdata.finish_restoring(prefix, entry)
    journal.write(prefix, None)
    files.remove_tree(prefix.root / userdata.RESTORED)
    backups.prune(prefix)


def tidy_launchers(prefix: Prefix) -> None:
    """Update PREFIX/bin to the launchers of the active release, or to none if no release is active."""
    active = prefix.active()
    try:
        manifest = active.manifest() if active else None
    except (RagtraceError, OSError):
        return  # recover handles a damaged release
    launchers.renew(prefix, manifest)


def resolve_interrupted(prefix: Prefix) -> str | None:
    """Undo or finish an interrupted change and remove all leftovers; return its command, or None if there was none."""
    entry = journal.read(prefix)
    if entry is not None:
        resolve_entry(prefix, entry)
    releases, gone = {release.path: release for release in prefix.all_releases()}, False
    for path in leftovers(prefix):
        if path in releases:
            gone = seal.remove(releases[path]) or gone
            continue
        if prefix.data not in path.parents:
            files.remove_tree(path)
            continue
        with service_account.acting_as_owner_of(prefix.data), contextlib.suppress(PermissionError):
            files.remove_tree(path)  # unless this account may not
    if gone:
        retention.collect(prefix)  # files that only they needed
    return entry.command if entry is not None else None


def leftovers(prefix: Prefix) -> list[Path]:
    """Return the files that only a crash leaves: temporary files, and incomplete releases that are not running.

    While no release is active, incomplete ones are excluded: one may be a damaged active release, which recover
    handles.
    """
    found = temporary_files(prefix)
    if prefix.active() is None:
        return found
    without_mark = retention.unmarked(prefix)  # a release that lost its mark, but not in a crash
    broken = [release for release in prefix.all_releases() if not release.is_complete and release != without_mark]
    return found + [release.path for release in broken if in_use.is_free(release)]


def temporary_files(prefix: Prefix) -> list[Path]:
    """Return the unused temporary files and folders in a prefix; in the user's data, only those of this tool."""
    advisories = prefix.state / "advisories"
    found = prefix.temporary + [
        path
        for folder, pattern in (
            *((folder, ".ragtrace-*") for folder in prefix.folders if folder not in (prefix.root, prefix.data)),
            *((folder, ".*.tmp") for folder in (prefix.bin, prefix.state, prefix.audit, advisories)),
        )
        for path in folder.glob(pattern)
    ]
    found += [path for path in (*prefix.data.glob(".ragtrace-*"), *_beside_shipped(prefix)) if _is_own(path)]
    found = [path for path in found if not temp_folders.is_tried(path)]
    return [*found, *backups.leftovers(prefix), *temp_folders.abandoned(prefix.state)]


def _beside_shipped(prefix: Prefix) -> set[Path]:
    """Return the places in which this tool writes beside the user's files: those of the files that a release ships."""
    active = prefix.active()
    with contextlib.suppress(RagtraceError, OSError):  # a damaged release
        if active is not None:
            shipped = persist.shipped(active.manifest())
            return {(prefix.data / entry.inner).with_name(persist.TEMPORARY) for entry in shipped}
    return set()


def _is_own(path: Path) -> bool:
    """Return whether an entry of the user's data has a temporary name of this tool, and the file type of that name."""
    matched = OWN_IN_DATA.fullmatch(path.name)
    wanted = stat.S_ISREG if matched and matched["file"] else stat.S_ISDIR
    try:
        return matched is not None and wanted(path.lstat().st_mode)
    except OSError:  # it is not there, or its folder cannot be reached
        return False


def resolve_if_unlocked(prefix: Prefix) -> None:
    """Undo or finish an interrupted change before a read-only command.

    Does nothing while another run is in progress or if this user may only read.
    """
    try:
        if journal.read(prefix) is not None or leftovers(prefix):
            with locked(prefix.lock_file):
                resolve_interrupted(prefix)
    except (BusyError, HostError, OSError) as reason:
        LOG.info("nothing was cleaned up: %s", reason)  # another run is in progress, or this user may only read
