"""The index: every live advisory by package, one line of JSON for each package, sorted by name.

A scan parses only the lines of installed packages. The signed header of the snapshot contains the index's SHA-256;
each line is still parsed strictly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.advisories.severity import LEVELS
from bundle.advisories.versions import Interval, parse_interval
from bundle.strict import Value, by, refuse
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MALWARE = "MAL-"  # the ids of the OpenSSF's database of malicious packages
LINE_LIMIT = 8 << 20  # bytes of the advisories of one package
RECORDS_LIMIT = 20_000  # advisories of one package
BOUNDS_LIMIT = 10_000  # intervals or versions in one advisory
_PACKAGE = re.compile(r"(?=.{1,200}$)[a-z0-9]+(-[a-z0-9]+)*|psf/cpython")  # normalized (PEP 503), or CPython itself
_INTERVALS = partial(strict.items, of=parse_interval, most=BOUNDS_LIMIT)
# the default of each key that an advisory may omit
_ABSENT: dict[str, Any] = {
    **{key: [] for key in ("aliases", "fixed", "affected", "possible", "versions")},
    **dict.fromkeys(("summary", "undecided"), ""),
    "score": None,
    "malware": False,
}


def _texts(intervals: Iterable[Interval]) -> list[str]:
    return [str(interval) for interval in intervals]


@dataclass(frozen=True)
class Advisory(Value):
    """The part of an advisory that concerns one package; its JSON omits keys that are empty.

    ``affected`` lists the affected intervals, ``versions`` affected versions outside of them (strings, as published),
    ``possible`` the intervals for which the record contradicts itself. ``undecided`` is the reason why all other
    versions are undecided, or empty. ``score`` is a CVSS base score, ``severity`` one of LEVELS. ``malware`` is true
    for a malicious package or release, which is critical whatever its score.
    """

    id: str = field(metadata=by(strict.text, limit=100))
    aliases: tuple[str, ...] = field(default=(), metadata=by(strict.texts))
    severity: str = field(default="unknown", metadata=by(strict.choice, choices=LEVELS))
    score: float | None = field(default=None, metadata=by(strict.optional, of=partial(strict.number, most=10)))
    fixed: tuple[str, ...] = field(default=(), metadata=by(strict.texts))
    summary: str = field(default="", metadata=by(strict.text, empty=True))
    affected: tuple[Interval, ...] = field(default=(), metadata=by(_INTERVALS, write=_texts))
    possible: tuple[Interval, ...] = field(default=(), metadata=by(_INTERVALS, write=_texts))
    versions: tuple[str, ...] = field(default=(), metadata=by(strict.texts, most=BOUNDS_LIMIT))
    undecided: str = field(default="", metadata=by(strict.text, empty=True))
    malware: bool = field(default=False, metadata=by(strict.boolean))

    @property
    def is_malware(self) -> bool:
        """Whether it is about malware: as the builder recognised it, or by an id, as in snapshots of older builders."""
        return self.malware or any(is_malware_id(one) for one in (self.id, *self.aliases))

    @classmethod
    def from_json(cls, value: Any, path: str) -> Advisory:
        """Read an object from which keys may be omitted."""
        return super().from_json({**_ABSENT, **value} if isinstance(value, dict) else value, path)

    def to_json(self) -> dict[str, Any]:
        return {key: found for key, found in super().to_json().items() if found != _ABSENT.get(key, "")}


MISSING, WITHDRAWN, NARROWED, LOWERED, CHANGED = "missing", "withdrawn", "narrowed", "lowered", "changed"


@dataclass(frozen=True)
class Gone(Value):
    """How a later snapshot lessened an advisory: its reason, and the sequence numbers on both sides of the change.

    ``last`` is the sequence number of the last snapshot that had the advisory as it was, ``since`` that of the first
    one that did not.
    """

    reason: str = field(metadata=by(strict.choice, choices=(MISSING, WITHDRAWN, NARROWED, LOWERED, CHANGED)))
    last: int = field(metadata=by(strict.integer, least=1))
    since: int = field(metadata=by(strict.integer, least=1))

    def described(self) -> str:
        """Return the change as a clause for a message."""
        text = {
            MISSING: _("no longer listed since sequence {sequence}"),
            WITHDRAWN: _("withdrawn since sequence {sequence}"),
            NARROWED: _("fewer versions listed since sequence {sequence}"),
            LOWERED: _("rated lower since sequence {sequence}"),
            CHANGED: _("other identifiers since sequence {sequence}"),
        }[self.reason]
        return text.format(sequence=self.since)


@dataclass(frozen=True)
class Index:
    """The lines of an index by package; a line is parsed only when ``of`` is called for its package."""

    lines: Mapping[str, bytes] = field(repr=False)

    def of(self, package: str) -> tuple[Advisory, ...]:
        """Return the advisories of a package (normalised name), or none if the index does not list it."""
        line = self.lines.get(package)
        if line is None:
            return ()
        value = strict.loads(line, package, limit=LINE_LIMIT)
        if not isinstance(value, list) or len(value) != 2 or value[0] != package or not isinstance(value[1], list):
            raise refuse(package, _("not an index line"))
        if not 0 < len(value[1]) <= RECORDS_LIMIT:
            raise refuse(package, _("no advisories, or more than {limit}").format(limit=RECORDS_LIMIT))
        return tuple(Advisory.from_json(item, f"{package}[{number}]") for number, item in enumerate(value[1]))


def is_malware_id(identifier: str) -> bool:
    """Return whether an id is one of the OpenSSF's database of malicious packages."""
    return identifier.upper().startswith(MALWARE)


def write_index(packages: Mapping[str, Iterable[Advisory]]) -> bytes:
    """Return the bytes of an index for these packages."""

    def line(name: str) -> str:
        found = [advisory.to_json() for advisory in packages[name]]
        return json.dumps([name, found], ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

    return "".join(f"{line(name)}\n" for name in sorted(packages)).encode()


def parse_index(data: bytes, name: str) -> Index:
    """Split an index into its lines.

    Raises TrustError if it is empty or truncated, or its lines are not sorted by package, without duplicates.
    """
    lines: dict[str, bytes] = {}
    previous = ""
    for number, line in enumerate(data.split(b"\n")[:-1]):
        package = line[2 : line.find(b'"', 2)].decode("utf-8", "replace")
        if not line.startswith(b'["') or package <= previous or not _PACKAGE.fullmatch(package):
            raise refuse(f"{name}[{number}]", _("not an index line"))
        lines[package] = line
        previous = package
    if not lines or not data.endswith(b"\n"):
        raise refuse(name, _("empty or truncated"))
    return Index(lines)
