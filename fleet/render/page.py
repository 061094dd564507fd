"""The table of a fleet as one self-contained HTML page: filters, details of each host, no request to anything.

Without scripts it is the same page without filters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.render import words
from fleet.render.page_style import SCRIPT, STYLE
from fleet.statement import OVERALL
from shared.i18n import _
from shared.terminal import html_page
from shared.terminal.html_page import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fleet.table import Fleet, Row

COLUMNS = ("hostname", "asset", "product", "version", "status", "worst", "advisories", "last_seen", "differs")
FREQUENT_SHOWN = 30


def render(fleet: Fleet) -> Iterator[str]:
    """Yield the pieces of the complete page."""
    title = _("Fleet report")
    yield from (f"{piece}\n" for piece in html_page.page(title, _body(fleet, title), style=STYLE, script=SCRIPT))


def _body(fleet: Fleet, title: str) -> Iterator[str]:
    yield from _header(fleet, escape(title))
    yield from _problems_of_statements(fleet)
    yield from _hosts(fleet)
    yield from _most(fleet)


def _header(fleet: Fleet, title: str) -> Iterator[str]:
    yield f'<header>\n<h1>{title}</h1>\n<p class="soft">{fleet.created:%Y-%m-%d %H:%M} UTC</p>'
    first, *rest = words.heading(fleet)
    yield f"<p>{escape(first)}</p>"
    for line in rest:
        yield f'<p class="bad">{escape(line)}</p>'
    yield '<ul class="counts">'
    for status, count in fleet.statuses.items():
        yield f'<li class="{status}"><b>{count}</b>{escape(status or _("no report"))}</li>'
    yield "</ul>\n</header>"


def _problems_of_statements(fleet: Fleet) -> Iterator[str]:
    if fleet.refused:
        yield f"<section>\n<h2>{escape(_('Problems with statements'))}</h2>"
        meanings = words.kinds()
        titles = (_("Kind"), _("File"), _("Host"), _("Asset"), _("Reason"), _("Meaning"))
        cells = ((one.kind, one.file, one.hostname, one.asset, one.reason, meanings[one.kind]) for one in fleet.refused)
        yield from _table(titles, cells)
        yield "</section>"
    if fleet.absent:
        yield f"<section>\n<h2>{escape(_('No statement from:'))}</h2>"
        yield f"<p>{escape(', '.join(fleet.absent))}</p>\n</section>"


def _table(titles: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    yield "<table><thead><tr>" + "".join(f"<th>{escape(title)}</th>" for title in titles) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    yield "</tbody></table>"


def _hosts(fleet: Fleet) -> Iterator[str]:
    products = sorted({row.product or "" for row in fleet.rows})
    titles = words.titles()
    yield f"<section>\n<h2>{escape(_('Hosts'))}</h2>"
    yield from _filters(fleet, products)
    yield '<div class="row head">' + "".join(f"<span>{escape(titles[name])}</span>" for name in COLUMNS) + "</div>"
    yield '<div id="hosts">'
    meanings = words.kinds()
    for index, row in enumerate(fleet.rows):
        yield from _host(fleet, row, _data(fleet, row, index, products.index(row.product or "")), meanings)
    yield "</div>\n</section>"


def _filters(fleet: Fleet, products: list[str]) -> Iterator[str]:
    yield '<div id="filters" hidden>'
    yield f'<label>{escape(_("Search"))}<input id="find" type="search" autocomplete="off"></label>'
    statuses = [(status or "none", status or _("no report")) for status in fleet.statuses]
    yield _select("status", _("Status"), [("", _("all")), *statuses])
    named = [(str(index), product or "-") for index, product in enumerate(products)]
    yield _select("product", _("Product"), [("", _("all")), *named])
    only = [("", _("all")), ("differs", _("different from most")), ("notes", _("doubtful statements"))]
    yield _select("only", _("Only"), only)
    orders = [
        *(("host", _("host")), ("urgency", _("status"))),
        *(("age", _("age of advisories")), ("seen", _("last seen"))),
    ]
    yield _select("order", _("Order"), orders)
    yield '<span id="shown"></span></div>'


def _select(name: str, label: str, options: list[tuple[str, str]]) -> str:
    inside = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options)
    return f'<label>{escape(label)}<select id="{name}" autocomplete="off">{inside}</select></label>'


def _data(fleet: Fleet, row: Row, index: int, product: int) -> str:
    """Return the attributes that the script filters and orders by: numbers, and the names of statuses."""
    days = row.advisories_days(fleet.created)
    values = {
        "status": row.status or "none",
        "product": product,
        "differs": int(bool(row.differs)),
        "notes": int(bool(row.notes)),
        "host": index,
        "urgency": OVERALL.index(row.status) if row.status else -1,
        "age": -(10**6) if days is None else -days,
        "seen": int(row.last_seen.timestamp()),
    }
    return " ".join(f'data-{name}="{value}"' for name, value in values.items())


def _host(fleet: Fleet, row: Row, data: str, meanings: dict[str, str]) -> Iterator[str]:
    cells = {
        "hostname": row.hostname,
        "asset": row.asset,
        "product": row.product or "-",
        "version": row.version or "-",
        "status": words.status_of(row),
        "worst": "; ".join(filter(None, (", ".join(row.notes), words.worst_of(row)))),
        "advisories": words.age_of(row, fleet.created),
        "last_seen": words.seen_of(row),
        "differs": len(row.differs) or "",
    }
    inside = "".join(
        f'<span class="status {row.status or ""}">{escape(text)}</span>'
        if name == "status"
        else f"<span>{escape(text)}</span>"
        for name, text in cells.items()
    )
    yield f'<details class="host" {data}><summary class="row">{inside}</summary><div class="in">'
    for note in row.notes:
        yield f'<p class="bad">{escape(note)}: {escape(meanings[note])}</p>'
    yield from _facts(row)
    if row.differs:
        yield f"<h3>{escape(_('Different from most'))}</h3><ul>"
        yield "".join(f"<li>{escape(words.difference(one))}</li>" for one in row.differs) + "</ul>"
    yield from _found(row)
    yield "</div></details>"


def _facts(row: Row) -> Iterator[str]:
    facts = (
        (_("Release"), row.release),
        (_("Installed"), row.installed),
        (_("Installed in"), row.prefix),
        (_("Validated"), f"{row.validated:%Y-%m-%d %H:%M} UTC" if row.validated else None),
        (_("Checks"), ", ".join(f"{count} {status}" for status, count in row.counts.items())),
        (_("Advisories until"), f"{row.advisories_until:%Y-%m-%d}" if row.advisories_until else None),
        (_("Platform"), row.platform),
        (_("Python"), row.python),
        (_("Installer"), row.installer),
        (_("Machine"), row.machine_id),
        (_("Installation"), row.installation),
        (_("Key"), f"{row.keyid}, {row.sequence}"),
        (_("Audit log head"), row.audit_head),
    )
    inside = (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts if value)
    yield "<dl>" + "".join(inside) + "</dl>"


def _found(row: Row) -> Iterator[str]:
    if not row.problems:
        return
    yield f"<h3>{escape(_('Problems'))}</h3><ul>"
    for problem in row.problems:
        yield f'<li><b class="{problem.status}">{problem.status}</b> {escape(f"{problem.check_id} {problem.name}")}: '
        yield f"{escape(problem.details)}</li>"
    yield "</ul>"
    if row.left_out:
        text = _("and {count} more").format(count=row.left_out)
        yield f'<p class="soft">{escape(text)}</p>'


def _most(fleet: Fleet) -> Iterator[str]:
    for product, values in fleet.most.items():
        title = _("What most installations of {product} have").format(product=product)
        yield f"<section>\n<h2>{escape(title)}</h2>\n<dl>"
        for name, value in values.items():
            yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        yield "</dl>\n</section>"
    if fleet.common:
        yield f"<section>\n<h2>{escape(_('Most frequent problems'))}</h2>"
        yield from _table((_("Check"), _("Status"), _("Hosts")), fleet.common[:FREQUENT_SHOWN])
        yield "</section>"
