"""Reading a complete OSV export (``all.zip``, one JSON file per record): live advisories by package, and counts.

A record that breaks the schema is set aside: what it says is unknown, so its packages are undecided.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from builder.advisories import schema
from builder.advisories.osv import advisories_of
from builder.advisories.schema import BrokenRecordError
from bundle import strict
from bundle.advisories.index import Advisory
from bundle.advisories.raw import lines
from bundle.advisories.snapshot import SET_ASIDE_LIMIT, SetAside
from shared import troubles
from shared.errors import BuildError, TrustError
from shared.files.zips import BROKEN, readable
from shared.i18n import _
from shared.terminal.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

RECORD_LIMIT = 8 << 20  # bytes of one record
EXPORT_LIMIT = 8 << 30  # bytes of all records
RECORDS_LIMIT = 1_000_000
SET_ASIDE_PERCENT = 1  # of the records may be set aside, but at most SET_ASIDE_LIMIT, and one in any export
SHOWN = 8  # records listed in an error
_UNEXPECTED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True)
class Export:
    """The contents of an export: advisories by package, counts, and the newest ``modified`` as ``known_until``.

    ``records`` has the lines of its records, live and withdrawn, sorted by id; ``set_aside`` those that break the
    schema.
    """

    packages: dict[str, list[Advisory]]
    counts: dict[str, int]
    known_until: datetime
    records: bytes
    set_aside: tuple[SetAside, ...]


def read_export(path: Path, now: datetime) -> Export:
    """Read an export. A ``modified`` time later than ``now`` is ignored for ``known_until``.

    Raises BuildError if the file is truncated, has no advisory, or has too many records that break the schema.
    """
    gathered = _Gathered(now)
    for name, data in read_members(path):
        gathered.add(name, data)
    total, broken = gathered.counts["records"], gathered.set_aside
    limit = min(SET_ASIDE_LIMIT, max(1, total * SET_ASIDE_PERCENT // 100))
    if len(broken) > limit:
        names = "; ".join([f"{one.id}: {one.reason}" for one in broken[:SHOWN]] + ["…"] * (len(broken) > SHOWN))
        raise BuildError(
            _(
                "{path}: too many records break the OSV schema ({count} of {total}, of which {limit} may be set "
                "aside): {names}."
            ).format(path=path, count=len(broken), total=total, limit=limit, names=names),
            advice=_("Fetch the export again; if the problem persists, report it to the publisher."),
        )
    if gathered.newest is None or not gathered.packages:
        raise BuildError(
            _("{path} contains no advisory of this ecosystem.").format(path=path), advice=_("Fetch the export again.")
        )
    return gathered.export(gathered.newest)


@dataclass
class _Gathered:
    """What has been read of an export so far; ``lines`` has each record's line by its id."""

    now: datetime
    packages: dict[str, list[Advisory]] = field(default_factory=dict)
    counts: Counter[str] = field(
        default_factory=lambda: Counter(
            records=0, live=0, withdrawn=0, set_aside=0, undecided=0, possible=0, unscored=0
        )
    )
    newest: datetime | None = None
    lines: dict[str, bytes] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)

    def add(self, name: str, data: bytes | None) -> None:
        """Add a member of the export: a record, or what is set aside in its place (too large: None)."""
        self.counts["records"] += 1
        record: Any = None
        try:
            record = parse_record(data)
            self._add_record(record)
        except BrokenRecordError as error:
            self._put_aside(name, record, str(error))
        except TrustError as error:  # more than a host reads of one advisory
            self._put_aside(name, record, error.what)
        except _UNEXPECTED as error:
            self._put_aside(name, record, f"{type(error).__name__}: {error}")

    def _add_record(self, record: Any) -> None:
        identifier = schema.identifier(record)
        if identifier in self.lines:
            raise BrokenRecordError(_("duplicate id"))
        line = lines.write_record(record)
        if schema.is_withdrawn(record, self.now):
            self.counts["withdrawn"] += 1
            self.lines[identifier] = line
            return
        schema.check(record)
        modified = schema.moment(record["modified"], "modified")
        found = advisories_of(record)
        for package, advisory in found.items():
            Advisory.from_json(advisory.to_json(), package)
        self.counts["live"] += 1
        self.lines[identifier] = line
        if modified <= self.now and (self.newest is None or modified > self.newest):
            self.newest = modified  # some records are dated in the future
        for package, advisory in found.items():
            self.packages.setdefault(package, []).append(advisory)
        for kind in ("undecided", "possible"):
            self.counts[kind] += any(getattr(advisory, kind) for advisory in found.values())
        self.counts["unscored"] += all(advisory.score is None for advisory in found.values())

    def _put_aside(self, name: str, record: Any, reason: str) -> None:
        try:
            identifier = schema.identifier(record)
        except BrokenRecordError:
            identifier = printable(name)[-lines.ID_LIMIT :]
        reason = _("the record breaks the OSV schema: {reason}").format(reason=printable(reason)[:200])
        one = SetAside(identifier, reason, schema.packages_of(record))
        self.counts["set_aside"] += 1
        self.set_aside.append(one)
        for package in one.packages:
            self.packages.setdefault(package, []).append(Advisory(id=one.id, undecided=one.reason))

    def export(self, newest: datetime) -> Export:
        for advisories in self.packages.values():
            advisories.sort(key=lambda advisory: advisory.id)
        return Export(
            packages=self.packages,
            counts={**self.counts, "packages": len(self.packages)},
            known_until=newest,
            records=b"".join(line for _id, line in sorted(self.lines.items())),
            set_aside=tuple(sorted(self.set_aside, key=lambda one: one.id)),
        )


def read_members(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name and the bytes of each record in an export; None in place of more than RECORD_LIMIT bytes."""
    try:
        with readable(path), zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".json")]
            if len(members) > RECORDS_LIMIT or sum(info.file_size for info in members) > EXPORT_LIMIT:
                raise _unreadable(path, _("too large for an export of advisories"))
            for info in sorted(members, key=lambda info: info.filename):
                yield info.filename, archive.read(info) if info.file_size <= RECORD_LIMIT else None
    except FileNotFoundError as error:
        raise troubles.trouble(error, troubles.READING, path=path, kind=BuildError) from error
    except BROKEN as error:
        raise _unreadable(path, str(error)) from error


def parse_record(data: bytes | None) -> Any:
    """Parse the bytes of a record. Raises BrokenRecordError if they are not JSON, or more than RECORD_LIMIT (None)."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise BrokenRecordError(_("duplicate key"))
        return found

    if data is None:
        raise BrokenRecordError(_("larger than {limit} bytes").format(limit=RECORD_LIMIT))
    try:
        return strict.parse(data, object_pairs_hook=pairs)
    except ValueError as error:
        raise BrokenRecordError(_("not JSON: {reason}").format(reason=error)) from error


def _unreadable(path: Path, reason: str) -> BuildError:
    return BuildError(
        _("{path} is not a complete export of advisories: {reason}.").format(path=path, reason=reason),
        advice=_("Fetch it again; nothing was created."),
    )
