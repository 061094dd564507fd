"""Stored files: the wheels, models and sources that a repair uses are intact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.layout.store import Store
from shared.i18n import _, plural
from shared.terminal.console import human_bytes
from validator.check import APPLICATION, NORMAL, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class StoredFiles(Check):
    """Reads every file in PREFIX/store that a repair of the active release needs."""

    id = "ragtrace.store"
    category = APPLICATION
    time_limit = 600.0
    effort = NORMAL

    def title(self) -> str:
        return _("Stored files")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, manifest = subject.need_prefix(), subject.need_manifest()
        store = Store(prefix.store)
        entries = [entry for entry in manifest.files if entry.is_stored]
        # a file of the wrong length is never read, because it could be of any size
        right = [entry for entry in entries if store.has_size_of(entry)]
        found = record.digests_of([store.path(entry.sha256) for entry in right], subject.digests)
        whole = {entry.sha256 for entry, digest in zip(right, found) if digest == entry.sha256}
        damaged = [entry.path for entry in entries if entry.sha256 not in whole]
        if damaged:
            yield self.warned(
                _("missing or damaged, so a repair needs the bundle: {names}").format(names=some_of(damaged)),
                evidence={"kept": damaged},
                **subject.reinstall(),
            )
            return
        size = human_bytes(sum(entry.size for entry in entries))
        yield self.passed(
            plural(
                "{count} file ({size}) is stored for repairs",
                "{count} files ({size}) are stored for repairs",
                len(entries),
            ).format(count=len(entries), size=size)
        )
