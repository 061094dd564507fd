"""The table of a fleet for a terminal: one line for each installation, then what is wrong with statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.render import words
from shared.i18n import _, plural
from shared.terminal.columns import columns, wrap
from shared.terminal.console import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fleet.table import Fleet, Row

# the widest that a column becomes
WIDEST = {"hostname": 24, "asset": 20, "product": 20, "version": 14, "status": 10, "advisories": 10, "last_seen": 16}
COLUMNS = (*WIDEST, "worst")
DROPPED = ("asset", "last_seen", "advisories", "product")  # in this order where the terminal is narrow
GAP = 2
LEAST = 20  # columns of the last one
COMMON_SHOWN = 10


def render(fleet: Fleet, *, width: int = 80) -> str:
    """Return the table, without a trailing newline; the worst finding has the rest of the width."""
    return "\n".join(_lines(fleet, width))


def _lines(fleet: Fleet, width: int) -> Iterator[str]:
    for line in words.heading(fleet):
        yield from wrap(line, width)
    if fleet.rows:
        yield ""
        yield from _table(fleet, width)
    yield from _differences(fleet, width)
    if fleet.common:
        yield ""
        yield _("Most frequent problems:")
        for check, status, count in fleet.common[:COMMON_SHOWN]:
            text = plural("{count} host", "{count} hosts", count).format(count=count)
            yield from wrap(f"{status} {sentence(check)}: {text}", width, "  ", "    ")
    yield from _refused(fleet, width)
    if fleet.absent:
        yield ""
        yield _("No statement from:")
        yield from wrap(sentence(", ".join(fleet.absent)), width, "  ")


def _cells(fleet: Fleet, row: Row) -> dict[str, str]:
    values = {
        "hostname": row.hostname,
        "asset": row.asset if row.asset != row.hostname else "",
        "product": row.product or "-",
        "version": row.version or "-",
        "status": words.status_of(row),
        "advisories": words.age_of(row, fleet.created),
        "last_seen": words.seen_of(row),
        "worst": "; ".join(filter(None, (", ".join(row.notes), words.worst_of(row)))),
    }
    return {name: sentence(value) for name, value in values.items()}


def _table(fleet: Fleet, width: int) -> Iterator[str]:
    titles = words.titles()
    rows = [_cells(fleet, row) for row in fleet.rows]
    widths = {
        name: min(WIDEST[name], max(columns(cells[name]) for cells in (titles, *rows)))
        for name in WIDEST
        if any(cells[name] for cells in rows)
    }
    for name in DROPPED:
        if _room(widths, width) < LEAST:
            widths.pop(name, None)
    widths["worst"] = max(LEAST, _room(widths, width))
    for cells in (titles, *rows):
        yield _line(cells, widths).rstrip()


def _room(widths: dict[str, int], width: int) -> int:
    """Return the columns that are left for the worst finding."""
    return width - sum(widths.values()) - GAP * len(widths)


def _line(cells: dict[str, str], widths: dict[str, int]) -> str:
    return (" " * GAP).join(_fitted(cells[name], widths[name]) for name in COLUMNS if name in widths)


def _fitted(text: str, width: int) -> str:
    """Return text in exactly ``width`` columns; what does not fit is cut and marked."""
    if columns(text) > width:
        while text and columns(text) > width - 1:
            text = text[: max(0, min(len(text) - 1, width - 1))]
        text += "…"
    return text + " " * (width - columns(text))


def _differences(fleet: Fleet, width: int) -> Iterator[str]:
    different = [row for row in fleet.rows if row.differs]
    if not different:
        return
    yield ""
    yield _("Different from most installations of the product:")
    for row in different:
        yield from wrap(f"{sentence(row.hostname)}: {sentence(words.differences_of(row))}", width, "  ", "    ")


def _refused(fleet: Fleet, width: int) -> Iterator[str]:
    meanings = words.kinds()
    grouped: dict[str, list[str]] = {}
    for one in fleet.refused:
        who = f" ({one.hostname})" if one.hostname else ""
        grouped.setdefault(one.kind, []).append(sentence(f"{one.file}{who}: {one.reason}"))
    for kind, lines in grouped.items():
        yield ""
        yield from _wrapped((f"{kind}: {meanings[kind]}",), width, "", "  ")
        yield from _wrapped(lines, width, "  ", "    ")


def _wrapped(lines: Sequence[str], width: int, first: str, rest: str) -> Iterator[str]:
    for line in lines:
        yield from wrap(line, width, first, rest)
