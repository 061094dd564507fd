"""The index of a backup: a list of its contents, stored as ``index.json``.

A name may contain any bytes that the user's filesystem allows. Entries are in the order of a walk, each with its own
name and its depth instead of a path, so that the index of a deep tree remains short.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from bundle import strict
from bundle.strict import Fields, integer, refuse
from shared import reading
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 3
BY_PATHS = 2  # the previous format: whole paths, and no number
FOLDER, LINK = "folder", "-> "  # content of a folder; start of the content of a link
DATA, SETTINGS = "data", ".env"  # the user's entries; others are stored for the user to inspect, and never restored
INDEX, FILES = "index.json", "files"
LIMIT = 256 << 20  # bytes of an index
ENTRIES_LIMIT = 2_000_000
LEFT_OUT_LIMIT = 100  # paths that were left out
STAMP = 16  # characters of a backup's name that give the second of its creation
NAME_LIMIT = 3 * 4096 + len(LINK)  # characters of a quoted name or of a link's content
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]{1,3})?-([a-z][a-z-]{0,31})")


@dataclass(frozen=True)
class Saved:
    """An entry of a backup: its depth in folders, name, content and mode.

    ``content`` is a digest, ``-> target`` or ``folder``. ``stamp`` shows whether the original has changed since, and is
    empty if that cannot be known. Files with the same ``link`` are one file with several names; it is 0 for a file with
    one name.
    """

    depth: int
    name: str
    content: str
    mode: int
    stamp: str = ""
    link: int = 0

    @property
    def is_folder(self) -> bool:
        return self.content == FOLDER


@dataclass(frozen=True)
class Backup:
    """A backup: its entries, the release that was active when it was created, and the layout of its data if known.

    Backups are numbered in order of creation, and only the number determines which is newer: ``created`` is the time of
    the host's clock, for display.
    """

    path: Path
    created: str
    reason: str
    release: str | None
    saved: tuple[Saved, ...]
    layout: int | None = None
    number: int = 0  # 0 for backups in the previous format
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def order(self) -> tuple[int, str, int]:
        """The key that sorts backups from old to new; those without a number are sorted by their names."""
        return self.number, self.name[:STAMP], number_of(self.name)

    @property
    def count(self) -> int:
        """The number of files and links in the backup."""
        return sum(not item.is_folder for item in self.saved)

    def to_bytes(self) -> bytes:
        """Return the index as JSON. Raises HostError if it exceeds the reader's limits."""
        data = strict.dumps(
            {
                "format": FORMAT,
                "number": self.number,
                "created": self.created,
                "reason": self.reason,
                "release": self.release,
                "layout": self.layout,
                "left_out": [_quoted(path)[:NAME_LIMIT] for path in self.left_out[:LEFT_OUT_LIMIT]],
                "files": [
                    [item.depth, _quoted(item.name), _quoted(item.content), item.mode, item.stamp, item.link]
                    for item in self.saved
                ],
            }
        )
        if len(self.saved) > ENTRIES_LIMIT or len(data) > LIMIT:
            raise HostError(
                _("The data contains more files and folders than a backup can hold: {count}.").format(
                    count=len(self.saved)
                ),
                advice=_("Move some of them out of the installation, then try again."),
            )
        return data


def reason_of(name: str) -> str:
    """Return the reason in the name of a backup."""
    matched = NAME.fullmatch(name)
    assert matched is not None  # every caller has created the name or matched it
    return matched[2]


def number_of(name: str) -> int:
    """Return the number that distinguishes backups created in the same second, 0 for the first."""
    matched = NAME.fullmatch(name)
    return int(matched[1][1:]) if matched and matched[1] else 0


def read_backup(folder: Path) -> Backup:
    """Read a backup's index. Raises TrustError if it is malformed, OSError if it cannot be read."""
    fields = Fields(strict.loads(reading.read(folder / INDEX, LIMIT), INDEX, limit=LIMIT), INDEX)
    form = fields.integer("format", least=BY_PATHS, most=FORMAT)
    numbered = form == FORMAT
    backup = Backup(
        path=folder,
        created=fields.text("created"),
        reason=fields.text("reason"),
        release=fields.optional_text("release"),
        saved=(
            _in_folders(fields.items("files", _saved, most=ENTRIES_LIMIT))
            if numbered
            else tuple(_nested(fields.items("files", _saved_by_path, most=ENTRIES_LIMIT)))
        ),
        layout=fields.optional("layout", integer),
        number=fields.integer("number", least=1) if numbered else 0,
        left_out=fields.items("left_out", _name, most=LEFT_OUT_LIMIT) if numbered else (),
    )
    fields.done()
    return backup


def _in_folders(saved: tuple[Saved, ...]) -> tuple[Saved, ...]:
    """Return the entries, unchanged. Raises TrustError if one is deeper than the folders before it allow."""
    most = 0
    for number, item in enumerate(saved):
        if item.depth > most:
            raise refuse(f"{INDEX}.files[{number}]", _("not inside any of the folders listed before it"))
        most = item.depth + item.is_folder
    return saved


def _saved(value: Any, path: str) -> Saved:
    if not isinstance(value, list) or len(value) != 6:
        raise refuse(path, _("not [depth, name, content, mode, stamp, link]"))
    item = Saved(
        integer(value[0], path, most=ENTRIES_LIMIT),
        _name(value[1], path),
        _name(value[2], path),
        integer(value[3], path, most=0o7777),
        strict.text(value[4], path, empty=True),
        integer(value[5], path, most=ENTRIES_LIMIT),
    )
    if _climbs(item.name) or (item.depth and "/" in item.name):
        raise refuse(path, _("points outside the prefix"))
    return item


def _saved_by_path(value: Any, path: str) -> Saved:
    if not isinstance(value, list) or len(value) != 4:
        raise refuse(path, _("not [path, content, mode, stamp]"))
    name, content = _name(value[0], path), _name(value[1], path)
    if _climbs(name):
        raise refuse(path, _("points outside the prefix"))
    return Saved(0, name, content, integer(value[2], path, most=0o7777), strict.text(value[3], path, empty=True))


def _nested(saved: tuple[Saved, ...]) -> Iterator[Saved]:
    """Sort the entries of the previous format in the order of a walk, each after the folders that it is in."""
    yield from (item for item in saved if item.name.split("/")[0] != DATA)
    theirs = [(item.name.split("/"), item) for item in saved if item.name.split("/")[0] == DATA]
    above: list[str] = []
    for parts, item in sorted(theirs, key=lambda pair: [*map(os.fsencode, pair[0])]):
        known = sum(1 for _same in takewhile(lambda pair: pair[0] == pair[1], zip(above, parts[:-1])))
        for depth in range(known, len(parts) - 1):
            yield Saved(depth, parts[depth], FOLDER, 0o755)
        yield Saved(len(parts) - 1, parts[-1], item.content, item.mode, item.stamp)
        above = parts if item.is_folder else parts[:-1]


def _climbs(path: str) -> bool:
    return "\0" in path or any(part in ("", ".", "..") for part in path.split("/"))


def _name(value: Any, path: str) -> str:
    return os.fsdecode(unquote_to_bytes(strict.text(value, path, limit=NAME_LIMIT)))


def _quoted(text: str) -> str:
    """Return a name percent-encoded (RFC 3986, 2.1), so that JSON can represent any bytes in it."""
    return quote(os.fsencode(text), safe="/ ->_.~")
