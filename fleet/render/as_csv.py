"""The table of a fleet as CSV (RFC 4180) for a spreadsheet: a cell of a statement never becomes a formula.

A spreadsheet evaluates a cell that begins with one of FORMULA (OWASP, CSV injection), in full width too; such a cell
gets an apostrophe in front. The file begins with a byte order mark, without which Excel does not read it as UTF-8.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from bundle.strict import time_to_json
from fleet.render import words
from shared.terminal.console import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.table import Fleet

FORMULA = "=+-@|%\uff1d\uff0b\uff0d\uff20"
MARK = "\ufeff"
# names for programs, in every language
COLUMNS = (
    *("host", "asset", "product", "version", "status", "worst_finding", "advisories_days", "last_seen", "validated"),
    *(
        "release",
        "counter",
        "problems",
        "differs",
        "notes",
        "machine_id",
        "installation",
        "prefix",
        "keyid",
        "sequence",
    ),
)


def guarded(value: object) -> str:
    """Return a cell as one line that a spreadsheet takes as text or as a plain number."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    text = sentence(str(value))
    return f"'{text}" if text.lstrip()[:1] in FORMULA and text.strip() else text


def render(fleet: Fleet) -> Iterator[str]:
    """Yield the lines of the file, each with its CR LF."""
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    yield MARK
    for cells in (COLUMNS, *_rows(fleet)):
        writer.writerow(map(guarded, cells))
        yield stream.getvalue()
        stream.seek(0)
        stream.truncate()


def _rows(fleet: Fleet) -> Iterator[tuple[object, ...]]:
    for row in fleet.rows:
        yield (
            row.hostname,
            row.asset,
            row.product,
            row.version,
            row.status,
            words.worst_of(row),
            row.advisories_days(fleet.created),
            time_to_json(row.last_seen),
            time_to_json(row.validated) if row.validated else None,
            row.release,
            row.counter,
            len(row.problems) + row.left_out,
            words.differences_of(row),
            " ".join(row.notes),
            row.machine_id,
            row.installation,
            row.prefix,
            row.keyid,
            row.sequence,
        )
