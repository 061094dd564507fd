"""Find the tool's own files and folders of an installation that are missing, or of the wrong kind or owner.

This is the only list of what each path in PREFIX must be, which ``validate`` checks and ``recover`` repairs; what they
are called is in prefix.py. The user's files (data, settings, the backups themselves) and the contents of a release have
checks of their own.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bundle.advisories.snapshot import SNAPSHOT_LIMIT
from installer.layout import journal, log_files
from shared import reading
from shared.errors import HostError
from shared.files import aside
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.layout.prefix import Prefix

MISSING, KIND, LINKED, FOREIGN, LONG = "missing", "kind", "linked", "foreign", "long"
LOG_LIMIT = 1 << 30  # bytes of an audit log: about a million changes
AUDIT_LOG = "state/audit/audit.jsonl"


class _Place(NamedTuple):
    """A path below PREFIX, and the requirements for it."""

    path: str
    folder: bool
    needed: bool
    limit: int  # bytes
    linked: bool  # a link to a folder is accepted


# in the order in which they are repaired
_PLACES = (
    _Place("state", True, True, 0, False),
    _Place("state/lock", False, False, reading.LINES, False),
    _Place("state/logs", True, False, 0, True),
    _Place("state/audit", True, True, 0, True),
    _Place(AUDIT_LOG, False, True, LOG_LIMIT, False),
    _Place("state/journal.json", False, False, journal.LIMIT, False),
    _Place("state/previous", False, False, reading.LINES, False),
    _Place("state/unfinished", False, False, reading.LINES, False),
    _Place("state/measurements.json", False, False, reading.LINES, False),
    _Place("state/identity.json", False, False, reading.LINES, False),
    _Place("state/statements", True, False, 0, False),
    _Place("state/proofs", True, False, 0, True),
    _Place("state/advisories", True, False, 0, True),
    _Place("state/trust", True, False, 0, True),
    _Place("releases", True, True, 0, False),
    _Place("store", True, True, 0, True),
    _Place("store/sha256", True, True, 0, True),
    _Place("bin", True, True, 0, False),
    _Place("backups", True, True, 0, True),
)


@dataclass(frozen=True)
class Misplaced:
    """A path below PREFIX, whether it must be a folder, and the kind of fault."""

    place: str
    folder: bool
    what: str

    def described(self) -> str:
        """Return the fault as a clause for a message."""
        text = {
            MISSING: _("{place} is missing"),
            KIND: _("{place} is not a folder") if self.folder else _("{place} is not a regular file"),
            LINKED: _("{place} is a link to a folder elsewhere"),
            FOREIGN: _("{place} belongs to another user"),
            LONG: _("{place} exceeds the size limit for this file"),
        }[self.what]
        return text.format(place=self.place)


def find_misplaced(prefix: Prefix) -> tuple[Misplaced, ...]:
    """Return the faults of the tool's paths in a prefix that holds a release, parents first; nothing is written."""
    return (*_in_places(prefix), *_in_releases(prefix), *_in_advisories(prefix), *_in_store(prefix))


def _in_places(prefix: Prefix) -> Iterator[Misplaced]:
    for place in _PLACES:
        what = _wrong(place, prefix.root)
        # right after a rotation of the audit log only the rotated files exist
        may_lack = not place.needed or (place.path == AUDIT_LOG and log_files.rotated(prefix.audit))
        if what and not (what == MISSING and may_lack):
            yield Misplaced(place.path, place.folder, what)


def _in_releases(prefix: Prefix) -> Iterator[Misplaced]:
    for release in prefix.complete_releases():
        if not reading.is_folder(release.path):
            yield Misplaced(f"releases/{release.id}", True, LINKED)


def _in_advisories(prefix: Prefix) -> Iterator[Misplaced]:
    """Yield the entries of the advisories and trust folders that are not regular files or are too long."""
    for folder in ("advisories", "trust"):
        for name in _names(prefix.state / folder):
            path = prefix.state / folder / name
            if aside.MOVED in name:
                continue
            if not reading.is_regular(path):
                yield Misplaced(f"state/{folder}/{name}", False, KIND)
            elif path.lstat().st_size > SNAPSHOT_LIMIT:
                yield Misplaced(f"state/{folder}/{name}", False, LONG)


def _in_store(prefix: Prefix) -> Iterator[Misplaced]:
    """Yield the store's folders and objects of the wrong kind; checking their contents requires the manifest."""
    from installer.layout.store import is_object, is_shelf_name

    for shelf in filter(is_shelf_name, _names(prefix.store)):
        folder = prefix.store / shelf
        if not reading.is_folder(folder):
            yield Misplaced(f"store/sha256/{shelf}", True, LINKED if folder.is_dir() else KIND)
            continue
        for name in filter(is_object, _names(folder)):
            if not reading.is_regular(folder / name):
                yield Misplaced(f"store/sha256/{shelf}/{name}", False, KIND)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _wrong(place: _Place, root: Path) -> str:
    """Return the kind of fault found at a path, or '' if there is none."""
    path = root.joinpath(*place.path.split("/"))
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return MISSING  # one of its parents is a link in a loop
    if place.folder:
        if reading.is_folder(path):
            return ""
        return KIND if not path.is_dir() else "" if place.linked else LINKED
    if not stat.S_ISREG(status.st_mode):
        return KIND
    if status.st_size > place.limit:
        return LONG  # regardless of its owner, because it is never copied
    is_foreign = sys.platform != "win32" and status.st_uid not in (os.geteuid(), root.stat().st_uid)
    return FOREIGN if is_foreign else ""


def refuse_linked_folders(prefix: Prefix, wrong: tuple[Misplaced, ...]) -> None:
    """Raise HostError if one of the tool's folders is a link: only the operator can know what its target contains."""
    for item in wrong:
        if item.what == LINKED:
            path = prefix.root.joinpath(*item.place.split("/"))
            raise HostError(
                _("{path} is a link to {target}; it must be a real folder.").format(
                    path=path, target=os.path.realpath(path)
                ),
                advice=move_back(),
            )


def move_back() -> str:
    """Return the advice for a folder that is a link to another location."""
    return _(
        "Remove the link and move the folder back, or mount the other disk there, then run the same command again."
    )


def repair(prefix: Prefix, wrong: tuple[Misplaced, ...]) -> None:
    """Repair the faults: move wrong entries aside, replace files of other users with copies, create missing folders.

    Missing files are left to the code that writes them.
    """
    now = find_misplaced(prefix)
    for item in wrong:
        if item not in now:
            continue  # repaired in the meantime
        path = prefix.root.joinpath(*item.place.split("/"))
        if item.what == FOREIGN:
            aside.own(path)
        elif item.what == LONG:
            aside.move(path)
        else:
            aside.clear(path, folder=item.folder)
        if item.folder and not path.is_dir():
            path.mkdir(parents=True)
            if sys.platform != "win32":
                path.chmod(prefix.mode_of(path))
