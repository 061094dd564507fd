"""A change of a prefix that happens whole or not at all.

The journal says what is being built; ``current`` says whether it counts. Leaving the block with an
error, and the first command after a crash, do the same: undo what does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap import files, journal, launchers, persist
from bootstrap.errors import RagtraceError
from bootstrap.store import Store

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from bootstrap.bundle.manifest import Manifest
    from bootstrap.prefix import Prefix, Release

KEPT_RELEASES = 2
RECOVER = "recover"  # the command whose former release is damaged


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
        switch_to(self.prefix, self.former)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            undo(self.prefix, self.entry)
        else:
            journal.write(self.prefix, None)


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
        files.remove_tree(prefix.release(entry.release).path)
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
    for folder, pattern in (
        (prefix.root, ".current.*.tmp"),
        (prefix.bin, ".*.tmp"),
        (prefix.state, ".*.tmp"),
        (prefix.data, persist.TEMPORARY.format(process="*")),
    ):
        for path in folder.glob(pattern):
            files.remove_tree(path)
    return entry.command if entry is not None else None


def discard(release: Release) -> None:
    """Take a damaged release out of those that a rollback may go to; the next collection removes it."""
    release.complete_file.unlink(missing_ok=True)
    files.sync_folder(release.path)


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
    for release in prefix.all_releases():
        if release.id not in kept:
            files.remove_tree(release.path)
    try:
        needed = {entry.sha256 for release in kept.values() for entry in release.manifest().files}
    except (RagtraceError, OSError):
        return  # a damaged release is for recover; until then nothing that it may need goes
    Store(prefix.store).collect(needed)
