"""The last snapshot that this user made from a URL or signed with a key, which a new one is compared with.

A copy is in the user's state folder, so that another ``--output`` or a removed file does not make the builder forget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle import digest
from bundle.advisories import snapshot as form
from bundle.advisories.retained.losses import losses
from shared import reading, troubles
from shared.errors import BuildError, RagtraceError
from shared.files import files, folders
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bundle.advisories.snapshot import Snapshot


def path_of(origin: str) -> Path:
    """Return the path of the copy for a URL or a key's fingerprint."""
    return folders.user_state("ragtrace-builder") / "advisories" / f"{digest.sha256_bytes(origin.encode())[:32]}.zip"


def remembered(origins: Iterable[str]) -> Iterator[Snapshot]:
    """Yield the last snapshots of some origins; a copy that cannot be read is left out."""
    seen = set()
    for origin in origins:
        try:
            found = form.read_snapshot(reading.read(path_of(origin), form.SNAPSHOT_LIMIT))
        except (OSError, RagtraceError):
            continue
        if found.sha256 not in seen:
            seen.add(found.sha256)
            yield found


def remember(origins: Iterable[str], snapshot: Snapshot) -> str | None:
    """Store copies of a snapshot that was made; return a warning if that fails."""
    try:
        for origin in origins:
            path = path_of(origin)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write_atomic(path, snapshot.data)
    except (OSError, RagtraceError) as error:
        return _("The next snapshot cannot be compared with this one: {reason}").format(
            reason=troubles.described(error)
        )
    return None


def require_whole(earlier: Snapshot, later: Snapshot, *, accept_drop: bool) -> list[str]:
    """Return warnings about what a new snapshot has lost of the last one.

    Raises BuildError if more than 5% of its advisories are neither live nor withdrawn and ``accept_drop`` is false.
    """
    found = losses(earlier, later)
    if found.is_drop and not accept_drop:
        raise BuildError(
            _(
                "The export lacks more than 5% of the previous snapshot's advisories ({count} of {total}): {names}."
            ).format(count=found.count, total=found.total, names=found.names()),
            *found.warnings(),
            advice=_("Fetch it again; if the advisories were really removed, add --accept-drop."),
        )
    return found.warnings()
