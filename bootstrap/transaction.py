"""A change of a prefix that happens whole or not at all.

The journal says what is being built; ``current`` says whether it counts. Leaving the block with an
error, and the first command after a crash, do the same: undo what does not count.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap import files, journal, launchers, papers, persist, seal
from bootstrap.errors import BusyError, RagtraceError
from bootstrap.lockfile import locked
from bootstrap.store import Store

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from bootstrap.bundle.manifest import Manifest
    from bootstrap.prefix import Prefix, Release

KEPT_RELEASES = 2
ROLLBACK = "rollback"  # the command that makes no release
RECOVER = "recover"  # the command whose former release is damaged
LOG = logging.getLogger("ragtrace")


@dataclass
class Transaction:
    """The block in which a release is built; ``entry`` is what the journal says meanwhile."""

    prefix: Prefix
    command: str
    release: Release

    def __enter__(self) -> Self:
        self.former = former = self.prefix.active()
        self.entry = journal.Entry(self.command, self.release.id, former.id if former else None)
        journal.write(self.prefix, self.entry)
        return self

    def lay_data(self, manifest: Manifest, store: Store) -> None:
        """Lay the files that the source ships beside the user's, each journaled."""
        self.entry = persist.lay(self.prefix, manifest, store, self.entry)

    def switch_back(self) -> None:
        """Make the former release current again; with none, nothing is current."""
        if self.prefix.named() != self.former:
            switch_to(self.prefix, self.former)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # the journal, because it knows of files laid by a step that failed before it could return
            undo(self.prefix, journal.read(self.prefix) or self.entry)
            return
        try:
            collect(self.prefix)
            journal.write(self.prefix, None)
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
    """Remove what an unfinished run made, unless ``current`` already names it: then it counts."""
    active = prefix.active()
    if active is None or active.id != entry.release:
        persist.take_back(prefix, entry)
        if entry.command != ROLLBACK:
            seal.remove(prefix.release(entry.release))
    elif entry.command == RECOVER and entry.former is not None:
        discard(prefix.release(entry.former))
    tidy_launchers(prefix)
    collect(prefix)
    journal.write(prefix, None)


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
    for path in leftovers(prefix):
        files.remove_tree(path)
    return entry.command if entry is not None else None


def leftovers(prefix: Prefix) -> list[Path]:
    """Return what only a crash leaves: temporary files, and releases that are not whole.

    While none is active, one without its mark may be a damaged one that counted, which is for recover.
    """
    found = [
        path
        for folder, pattern in (
            (prefix.root, ".current.*.tmp"),
            (prefix.root, "..env.*.tmp"),
            (prefix.root, ".ragtrace-*"),
            (prefix.bin, ".*.tmp"),
            (prefix.state, ".*.tmp"),
            (prefix.backups, ".*.tmp"),
            (prefix.data, persist.TEMPORARY.format(process="*")),
        )
        for path in folder.glob(pattern)
    ]
    if prefix.active() is None:
        return found
    return found + [release.path for release in prefix.all_releases() if not release.is_complete]


def settle(prefix: Prefix) -> None:
    """Undo what a crash left, before a command that only looks; not while another run is at work."""
    try:
        if journal.read(prefix) is not None or leftovers(prefix):
            with locked(prefix.state / "lock"):
                recover_crash(prefix)
    except (BusyError, OSError) as reason:
        LOG.info("nothing was cleaned up: %s", reason)  # another run, or a user who may only look


def discard(release: Release) -> None:
    """Take a damaged release out of those that a rollback may go to; the next collection removes it."""
    seal.unmark(release)


def remember_former(prefix: Prefix, former: Release | None) -> None:
    """Note which release was active before, for rollback."""
    files.write_atomic(prefix.state / "previous", f"{former.id if former else ''}\n".encode())


def previous(prefix: Prefix) -> Release | None:
    """Return the complete release that a rollback goes to, or None."""
    active = prefix.active()
    others = [release for release in prefix.complete_releases() if active is None or release.id != active.id]
    try:
        named = (prefix.state / "previous").read_text(encoding="utf-8").strip()
    except OSError:
        named = ""
    return next((release for release in others if release.id == named), others[-1] if others else None)


def collect(prefix: Prefix) -> None:
    """Keep two releases, the active one and the one before it; remove the rest and what only they needed."""
    newest_first = reversed(prefix.complete_releases())
    wanted = (prefix.active(), previous(prefix), *newest_first)
    kept = {release.id: release for release in wanted if release is not None}
    kept = dict(list(kept.items())[:KEPT_RELEASES])
    rest = [release for release in prefix.all_releases() if release.id not in kept]
    # while none is active, one without its mark may be a damaged one that counted: for recover, with all it needs
    spared = [release for release in rest if not release.is_complete] if prefix.active() is None else []
    for release in rest:
        if release not in spared:
            seal.remove(release)
    if spared:
        return
    papers.collect(prefix, kept.values())
    try:
        needed = {entry.sha256 for release in kept.values() for entry in release.manifest().files}
    except (RagtraceError, OSError):
        return  # a damaged release is for recover; until then nothing that it may need goes
    Store(prefix.store).collect(needed)
