"""Records in a snapshot: one line of JSON for each, live and withdrawn, sorted by id.

A record is as its database published it, without the prose that no scan reads. Its line starts with its id.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.strict import refuse
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LINE_LIMIT = 8 << 20  # bytes of one record
ID_LIMIT = 100  # characters
# what a record consists of, without details, references and credits
KEYS = (
    *("id", "schema_version", "modified", "published", "withdrawn", "aliases", "related", "upstream", "summary"),
    *("severity", "affected", "database_specific"),
)
WITHDRAWN = b'"withdrawn":'


def write_record(record: Mapping[str, Any]) -> bytes:
    """Return the line of a record. Raises ValueError for what JSON or UTF-8 cannot express, or hosts do not read."""
    chosen = {key: record[key] for key in KEYS if key in record}
    line = json.dumps(chosen, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(line) > LINE_LIMIT:
        raise ValueError(_("larger than {limit} bytes").format(limit=LINE_LIMIT))
    return line + b"\n"


def split_lines(data: bytes, name: str) -> Iterator[bytes]:
    """Yield the lines of a member, one at a time. Raises TrustError if it is empty or truncated."""
    if not data.endswith(b"\n"):
        raise refuse(name, _("empty or truncated"))
    for line in io.BytesIO(data):
        yield line[:-1]


def read_record(line: bytes, place: str) -> dict[str, Any]:
    """Parse a line. Raises TrustError unless it is an object with an id; all else in it may be of any type."""
    if len(line) > LINE_LIMIT:
        raise refuse(place, _("larger than {limit} bytes").format(limit=LINE_LIMIT))
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise refuse(place, _("not JSON: {reason}").format(reason=str(error)[:200])) from error
    if not isinstance(record, dict):
        raise refuse(place, _("not an object"))
    strict.text(record.get("id"), f"{place}.id", limit=ID_LIMIT)
    return record


def read_records(data: bytes, name: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a member. Raises TrustError if one is invalid, duplicate or out of order."""
    previous = ""
    for number, line in enumerate(split_lines(data, name)):
        record = read_record(line, f"{name}[{number}]")
        if record["id"] <= previous:
            raise refuse(f"{name}[{number}]", _("not sorted by id, or a duplicate"))
        previous = record["id"]
        yield record


def withdrawn_of(data: bytes, name: str, until: str) -> frozenset[str]:
    """Return the ids of the records that were withdrawn by a time (RFC 3339, UTC)."""
    # a line that hides the key behind escapes counts as live, which is the safe side
    lines = [line for line in split_lines(data, name) if WITHDRAWN in line]
    records = (read_record(line, name) for line in lines)
    return frozenset(record["id"] for record in records if is_withdrawn(record, until))


def is_withdrawn(record: Mapping[str, Any], until: str) -> bool:
    """Return whether a record was withdrawn by a time (RFC 3339, UTC); what is not a time withdraws nothing."""
    moment = record.get("withdrawn")
    return isinstance(moment, str) and "1970" <= moment[:19] <= until[:19]
