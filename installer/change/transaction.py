"""A change of a prefix that happens whole or not at all.

The journal says what is being built; ``current`` says whether it counts. Leaving the block with an
error, and the first command after a crash, do the same: undo what does not count.
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
from installer.layout import in_use, journal, seal, service
from installer.release import launchers
from installer.userdata import backups, persist, userdata
from shared.errors import BusyError, HostError, RagtraceError
from shared.files import files, trials
from shared.files.lockfile import locked
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

ROLLBACK = "rollback"  # the command that makes no release
REPAIRED = "rollback-repair"  # the same, to a previous release that is made anew because it is damaged
RETURN = "return"  # the same, when the previous release is damaged
RECOVER = "recover"  # the command whose previous release is damaged
RESTORE = "restore"  # the command that makes settings and data what a backup holds; once journaled it is finished
OWN_IN_DATA = re.compile(r"\.ragtrace-(?P<file>[0-9]+\.tmp)|\.ragtrace-try-[0-9a-f]{32}")  # persist.py, trials.py
LOG = logging.getLogger("ragtrace")


@dataclass
class Transaction:
    """The block in which a release is built; ``entry`` is what the journal says meanwhile."""

    prefix: Prefix
    command: str
    release: Release
    collected: retention.Collected = field(default_factory=retention.Collected)

    def __enter__(self) -> Self:
        self.former = previous = self.prefix.active()
        self.entry = journal.Entry(self.command, self.release.id, previous.id if previous else None)
        journal.write(self.prefix, self.entry)
        return self

    def note(self, **changes: Any) -> None:
        """Write something into the journal before it is done."""
        self.entry = replace(self.entry, **changes)
        journal.write(self.prefix, self.entry)

    def back_up(self, progress: Progress) -> None:
        """Copy what is the user's; a run that does not count takes the copy with it."""
        if self.former is None and not backups.holds_anything(self.prefix):
            return
        name = backups.new_name(self.prefix, f"before-{self.command}")
        self.note(backup=name)
        with progress.wait(_("Backing up settings and data")):
            backups.create(self.prefix, name, quick=self.command == ROLLBACK)

    def expect(self, data: Path) -> None:
        """Let a tree become the user's data when the release is activated."""
        self.note(incoming=data.relative_to(self.prefix.root).as_posix(), inode=userdata.inode(data))

    def make_folders(self, manifest: Manifest) -> None:
        """Make the user's folders that a new release leads to, each journaled."""
        self.entry = persist.make_folders(self.prefix, manifest, self.entry)

    def write_data(self, manifest: Manifest, store: Store) -> None:
        """Write the files that the source ships beside the user's, each journaled."""
        self.entry = persist.write(self.prefix, manifest, store, self.entry)

    def switch(self) -> None:
        """Make the release current, with the data that come with it."""
        userdata.swap_in(self.prefix, self.entry)
        self.prefix.point_at(self.release)

    def switch_back(self) -> None:
        """Make the previous release current again; with none, nothing is current."""
        if self.prefix.named() != self.former:
            switch_to(self.prefix, self.former)
        userdata.swap_out(self.prefix, self.entry)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # the journal, because it knows of files written by a step that failed before it could return
            undo(self.prefix, journal.read(self.prefix) or self.entry)
            return
        try:
            settle_counted(self.prefix, self.entry)
            if self.command == ROLLBACK:
                stored = self.prefix.backups  # may be on a filesystem of its own
                files.sync_filesystem(stored if stored.is_dir() else self.prefix.root)  # a quick backup lasts only now
            self.collected = retention.collect(self.prefix)
            tidy_launchers(self.prefix)  # the tool's command depends on what is retained
            backups.prune(self.prefix)
            _end(self.prefix)
        except OSError as trouble:
            LOG.warning("left for the next run to clean up: %s", trouble)


def switch_to(prefix: Prefix, release: Release | None) -> None:
    """Make a release current; with None, nothing is current."""
    if release is not None:
        prefix.point_at(release)
    else:
        files.remove_tree(prefix.current)
        files.sync_folder(prefix.root)


def undo(prefix: Prefix, entry: journal.Entry) -> None:
    """Remove what an unfinished run made, unless ``current`` already names its release: then it counts.

    Settings and data that were about to be restored are restored.
    """
    if entry.command == RESTORE:
        finish_restoring(prefix, entry)
        return
    files.sync_folder(prefix.root)  # a kill may have come between the switch and its sync: what follows relies on it
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
        settle_counted(prefix, entry)
        if entry.command in (RECOVER, RETURN) and entry.former is not None:
            retention.discard(prefix.release(entry.former))
    retention.collect(prefix)
    tidy_launchers(prefix)
    _end(prefix)


def _end(prefix: Prefix) -> None:
    """Record that no run is under way, once all that it removed is off the disk: nobody looks for it later."""
    try:
        if sys.platform != "win32":  # NTFS has what is removed in its log before the journal's replacement
            ours = [folder for folder in prefix.folders if folder != prefix.data and folder.is_dir()]
            for folder in {folder.stat().st_dev: folder for folder in ours}.values():
                files.sync_filesystem(folder)
    except OSError as trouble:
        LOG.warning("left for the next run to clean up: %s", trouble)
        return
    journal.write(prefix, None)


def _forgo(prefix: Prefix, release: Release) -> None:
    """Use the name of an unfinished release no more; a full disk is no reason against cleaning up."""
    if release.path.exists():  # else nobody ever wrote there
        with contextlib.suppress(OSError):
            prefix.forgo(release)


def settle_counted(prefix: Prefix, entry: journal.Entry) -> None:
    """Finish what follows from a release having become current."""
    if entry.incoming is not None:
        userdata.swap_in(prefix, entry)
        persist.take_back(prefix.root / entry.incoming, entry)  # folders for the new release alone
    userdata.keep_previous(prefix, entry)
    retention.remember_previous(prefix, prefix.release(entry.release), entry.former)


def finish_restoring(prefix: Prefix, entry: journal.Entry) -> None:
    """Finish a journaled restoration."""
    userdata.finish_restoring(prefix, entry)
    journal.write(prefix, None)
    files.remove_tree(prefix.root / userdata.RESTORED)
    backups.prune(prefix)


def tidy_launchers(prefix: Prefix) -> None:
    """Make PREFIX/bin hold what the active release has, nothing when there is none."""
    active = prefix.active()
    if active is None:
        launchers.prune(prefix, None)
        return
    try:
        manifest = active.manifest()
    except (RagtraceError, OSError):
        return  # a damaged release is for recover
    launchers.write(prefix, manifest)
    launchers.prune(prefix, manifest)


def recover_crash(prefix: Prefix) -> str | None:
    """Undo what a crash left; return the command that was under way, or None when all was well."""
    entry = journal.read(prefix)
    if entry is not None:
        undo(prefix, entry)
    releases, gone = {release.path: release for release in prefix.all_releases()}, False
    for path in leftovers(prefix):
        if path in releases:
            gone = seal.remove(releases[path]) or gone
            continue
        if path.parent != prefix.data:
            files.remove_tree(path)
            continue
        with service.acting_for(prefix.data), contextlib.suppress(PermissionError):  # not ours to remove, if not its
            files.remove_tree(path)
    if gone:
        retention.collect(prefix)  # what only they needed
    return entry.command if entry is not None else None


def leftovers(prefix: Prefix) -> list[Path]:
    """Return what only a crash leaves: temporary files, and releases that are not whole, unless one of them still runs.

    While none is active, one without its mark may be a damaged one that counted, which is for recover.
    """
    advisories = prefix.state / "advisories"
    found = [
        path
        for folder, pattern in (
            (prefix.root, ".current.*.tmp"),
            (prefix.root, "..env.*.tmp"),
            *((folder, ".ragtrace-*") for folder in prefix.folders if folder != prefix.data),
            *((folder, ".*.tmp") for folder in (prefix.bin, prefix.state, prefix.audit, advisories)),
        )
        for path in folder.glob(pattern)
    ]
    found += [path for path in prefix.data.glob(".ragtrace-*") if _is_own(path)]
    found = [path for path in found if not trials.is_tried(path)]
    found += [*backups.leftovers(prefix), *trials.abandoned(prefix.state)]
    if prefix.active() is None:
        return found
    bereft = retention.unmarked(prefix)  # of its mark, by no crash
    broken = [release for release in prefix.all_releases() if not release.is_complete and release != bereft]
    return found + [release.path for release in broken if in_use.is_free(release)]


def _is_own(path: Path) -> bool:
    """Return whether a name among the user's data is one of ours, for what it stands for."""
    matched = OWN_IN_DATA.fullmatch(path.name)
    wanted = stat.S_ISREG if matched and matched["file"] else stat.S_ISDIR
    return matched is not None and wanted(path.lstat().st_mode)


def settle(prefix: Prefix) -> None:
    """Undo what a crash left, before a command that only looks; not while another run is at work."""
    try:
        if journal.read(prefix) is not None or leftovers(prefix):
            with locked(prefix.state / "lock"):
                recover_crash(prefix)
    except (BusyError, HostError, OSError) as reason:
        LOG.info("nothing was cleaned up: %s", reason)  # another run, or a user who may only look
