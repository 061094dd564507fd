"""The index of a backup: what it holds, as values and as the file ``index.json``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from bootstrap.bundle import strict
from bootstrap.bundle.strict import Fields, integer, refuse
from bootstrap.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2
FOLDER = "folder"  # the content of an entry that is one
INDEX, FILES = "index.json", "files"
LIMIT = 256 << 20  # bytes of an index
PATH_LIMIT = 3 * 4096  # characters of a quoted path
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]{1,3})?-([a-z][a-z-]{0,31})")


@dataclass(frozen=True)
class Saved:
    """A file of a backup: its path in the prefix; its SHA-256, ``-> target`` for a link, or ``folder``; its mode.

    ``stamp`` tells whether the original was written since; it is empty where that cannot be told.
    """

    path: str
    content: str
    mode: int
    stamp: str = ""


@dataclass(frozen=True)
class Backup:
    """What a backup holds, which release was active when it was made, and the layout of its data where known."""

    path: Path
    created: str
    reason: str
    release: str | None
    saved: tuple[Saved, ...]
    layout: int | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def count(self) -> int:
        """How many files and links it holds."""
        return sum(item.content != FOLDER for item in self.saved)

    def to_bytes(self) -> bytes:
        items = [[_quoted(item.path), _quoted(item.content), item.mode, item.stamp] for item in self.saved]
        return strict.dumps(
            {
                "format": FORMAT,
                "created": self.created,
                "reason": self.reason,
                "release": self.release,
                "layout": self.layout,
                "files": items,
            }
        )


def reason_of(name: str) -> str:
    """Return why a backup of this name was made."""
    matched = NAME.fullmatch(name)
    assert matched is not None  # whoever asks has made the name or matched it
    return matched[2]


def number_of(name: str) -> int:
    """Return which of a second's backups it is."""
    matched = NAME.fullmatch(name)
    return int(matched[1][1:]) if matched and matched[1] else 0


def read_backup(folder: Path) -> Backup:
    """Return what a backup's index says. Raises TrustError for one that breaks its rules, OSError for none."""
    fields = Fields(strict.loads((folder / INDEX).read_bytes(), INDEX, limit=LIMIT), INDEX)
    fields.integer("format", least=FORMAT, most=FORMAT)
    backup = Backup(
        path=folder,
        created=fields.text("created"),
        reason=fields.text("reason"),
        release=fields.optional_text("release"),
        saved=fields.items("files", _saved, most=2_000_000),
        layout=fields.optional("layout", integer),
    )
    fields.done()
    return backup


def _saved(value: Any, path: str) -> Saved:
    if not isinstance(value, list) or len(value) != 4 or not isinstance(value[2], int) or not 0 <= value[2] <= 0o7777:
        raise refuse(path, _("not [path, content, mode, stamp]"))
    name, content = (
        os.fsdecode(unquote_to_bytes(Fields.check_text(part, path, limit=PATH_LIMIT))) for part in value[:2]
    )
    saved = Saved(name, content, value[2], Fields.check_text(value[3], path, empty=True))
    if any(part in ("", ".", "..") for part in saved.path.split("/")) or "\\" in saved.path:
        raise refuse(path, _("leads out of the prefix"))
    return saved


def _quoted(text: str) -> str:
    """Return a path as text that JSON takes whatever bytes it has (RFC 3986, 2.1)."""
    return quote(os.fsencode(text), safe="/ ->_.~")
