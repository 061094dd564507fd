"""The journal of the change in progress, so that the next command can undo what a crash left behind.

``state/journal.json`` is replaced atomically at each step. While it is not idle, ``release`` is being built or
activated, and ``laid`` lists the files added to the user's data, each with its SHA-256, so that a file that the user
has created or changed since is not mistaken for one of the tool's. Unless ``current`` already names the release, which
is the commit point, these files and ``backup`` are removed, and so is the release if the run was to build it.
``incoming`` is a tree that is exchanged with the user's data; its inode identifies it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.manifest import FILES_LIMIT
from shared import reading
from shared.errors import HostError, RagtraceError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from installer.layout.prefix import Prefix

FORMAT = 1
LIMIT = 128 << 20  # bytes
WRITTEN_LIMIT = 2 * FILES_LIMIT  # files of a bundle, and their folders


@dataclass(frozen=True)
class Entry:
    """One run in progress: its command, the release to activate, the active one before, and files written into data/.

    Each line of ``laid`` is a checksum line or ``folder  path``. ``backup`` is a name in backups/, ``incoming`` a path
    in the prefix.
    """

    command: str
    release: str
    former: str | None = None
    laid: tuple[str, ...] = ()
    backup: str | None = None
    incoming: str | None = None
    inode: str = "-"


def path(prefix: Prefix) -> Path:
    """Return the path of the journal."""
    return prefix.state / "journal.json"


def write(prefix: Prefix, entry: Entry | None) -> None:
    """Record the run in progress; None means idle. Raises HostError if the journal would exceed its reader's limits."""
    value: dict[str, Any] = {"format": FORMAT, "run": None if entry is None else asdict(entry)}
    data = strict.dumps(value)
    if len(data) > LIMIT or (entry is not None and len(entry.laid) > WRITTEN_LIMIT):
        raise HostError(
            _("{path} would be too large to be read again.").format(path=path(prefix)),
            advice=_("Request a bundle whose application ships fewer data files."),
        )
    files.write_atomic(path(prefix), data, mode=0o600)


def note_written(prefix: Prefix, entry: Entry, digests: Mapping[str, str]) -> Entry:
    """Record files (path → SHA-256) before they are put into data/; return the new entry."""
    entry = replace(entry, laid=(*entry.laid, *(f"{sha256}  {path}" for path, sha256 in digests.items())))
    write(prefix, entry)
    return entry


def _entry(value: Any, where: str) -> Entry:
    fields = strict.Fields(value, where)
    entry = Entry(
        fields.text("command"),
        fields.text("release"),
        fields.optional_text("former"),
        fields.nested("laid", strict.texts, most=WRITTEN_LIMIT),
        fields.optional_text("backup"),
        fields.optional_text("incoming"),
        fields.text("inode"),
    )
    fields.done()
    return entry


def is_damaged(prefix: Prefix) -> bool:
    """Return whether the journal exists but cannot be read or parsed."""
    if not os.path.lexists(path(prefix)):
        return False
    try:
        fields = strict.Fields(strict.loads(reading.read(path(prefix), LIMIT), path(prefix).name, limit=LIMIT), "")
        fields.integer("format", least=FORMAT, most=FORMAT)
        fields.optional("run", _entry)
    except (OSError, RagtraceError):
        return True
    return False


def read(prefix: Prefix) -> Entry | None:
    """Return the run that was in progress, or None.

    A damaged journal counts as idle: COMPLETE still shows which releases are complete.
    """
    file = path(prefix)
    if not os.path.lexists(file):
        return None
    with os.fdopen(files.open_own(file, os.O_RDONLY), "rb") as opened:
        data = opened.read(LIMIT + 1)
    try:
        fields = strict.Fields(strict.loads(data, file.name, limit=LIMIT), file.name)
        fields.integer("format", least=FORMAT, most=FORMAT)
        return fields.optional("run", _entry)
    except RagtraceError:
        return None
