"""Reading a complete OSV export (``all.zip``, one JSON file per record): live advisories by package, and counts."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from builder.advisories.osv import advisories_of, is_withdrawn
from bundle.advisories.raw import lines
from shared import troubles
from shared.errors import BuildError
from shared.files.zips import BROKEN, readable
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.advisories.index import Advisory

RECORD_LIMIT = 8 << 20  # bytes of one record
RECORDS_LIMIT = 1_000_000


@dataclass(frozen=True)
class Export:
    """The contents of an export: advisories by package, counts, and the newest ``modified`` as ``known_until``.

    ``records`` has the lines of its records, live and withdrawn, sorted by id.
    """

    packages: dict[str, list[Advisory]]
    counts: dict[str, int]
    known_until: datetime
    records: bytes


def read_export(path: Path, now: datetime) -> Export:
    """Read an export. A ``modified`` time later than ``now`` is ignored for ``known_until``.

    Raises BuildError if the file is truncated, or contains an invalid record or no advisory.
    """
    packages: dict[str, list[Advisory]] = {}
    counts: Counter[str] = Counter(records=0, live=0, withdrawn=0, set_aside=0, undecided=0, possible=0, unscored=0)
    newest: datetime | None = None
    raw: dict[str, bytes] = {}
    for name, record in read_records(path):
        counts["records"] += 1
        try:
            if raw.setdefault(record["id"], line := lines.write_record(record)) is not line:
                raise ValueError(_("duplicate id {id}").format(id=record["id"]))
            if is_withdrawn(record):
                counts["withdrawn"] += 1
                continue
            counts["live"] += 1
            modified = _moment(record["modified"])
            found = advisories_of(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _no_record(path, name, f"{type(error).__name__}: {error}") from error
        if modified <= now and (newest is None or modified > newest):
            newest = modified  # some records are dated in the future
        for package, advisory in found.items():
            packages.setdefault(package, []).append(advisory)
        for kind in ("undecided", "possible"):
            counts[kind] += any(getattr(advisory, kind) for advisory in found.values())
        counts["unscored"] += all(advisory.score is None for advisory in found.values())
    if newest is None or not packages:
        raise BuildError(
            _("{path} contains no advisory of this ecosystem.").format(path=path), advice=_("Fetch the export again.")
        )
    for advisories in packages.values():
        advisories.sort(key=lambda advisory: advisory.id)
    records = b"".join(line for _id, line in sorted(raw.items()))
    return Export(packages, {**counts, "packages": len(packages)}, newest, records)


def read_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the member name and the contents of each record in an export."""
    try:
        with readable(path), zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".json")]
            if len(members) > RECORDS_LIMIT or any(info.file_size > RECORD_LIMIT for info in members):
                raise _unreadable(path, _("too large for an export of advisories"))
            for info in sorted(members, key=lambda info: info.filename):
                yield info.filename, _record(path, info.filename, archive.read(info))
    except FileNotFoundError as error:
        raise troubles.trouble(error, troubles.READING, path=path, kind=BuildError) from error
    except BROKEN as error:
        raise _unreadable(path, str(error)) from error


def _record(path: Path, name: str, data: bytes) -> dict[str, Any]:
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _no_record(path, name, str(error)) from error
    if not isinstance(record, dict):
        raise _no_record(path, name, _("not an object"))
    return record


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _unreadable(path: Path, reason: str) -> BuildError:
    return BuildError(
        _("{path} is not a complete export of advisories: {reason}.").format(path=path, reason=reason),
        advice=_("Fetch it again; nothing was created."),
    )


def _no_record(path: Path, name: str, reason: str) -> BuildError:
    return BuildError(
        _("{path}: {name} is not a valid OSV record: {reason}.").format(path=path, name=name, reason=reason[:200]),
        advice=_("Fetch the export again; if the problem persists, report it to the publisher."),
    )
