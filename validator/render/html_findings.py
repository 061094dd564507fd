"""The table of known vulnerabilities in the HTML report, from the evidence of the check that found them.

Evidence may come from a file that somebody else wrote: values of the wrong type are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

from bundle.advisories.matcher import LINK, POSSIBLE
from bundle.advisories.reports.words import percent
from shared.i18n import _
from validator.check import FAIL, PASS, WARN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.report import Report

CHECK = "security.advisories"
# ids of OSV (schema 1.7: a database's prefix, then its own), and nothing that could leave the path of a link
_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{1,19}-[A-Za-z0-9]{1,20}(-[A-Za-z0-9]{1,20}){0,3}")
_MOOD = {"critical": FAIL, "high": FAIL, "medium": WARN, "low": PASS, "none": PASS, "unknown": WARN}
Escape = Callable[[str], str]


def table(report: Report, escape: Escape) -> Iterator[str]:
    """Yield the section with the table; nothing if there are no findings."""
    rows = [row for row in findings_of(report) if isinstance(row, dict)]
    if not rows:
        return
    titles = (
        *(_("Severity"), _("Package"), _("Installed"), _("Fixed in"), _("Certainty"), _("Advisory"), _("Exploited")),
        "EPSS",
    )
    title = escape(_("Known vulnerabilities"))
    yield f'<section>\n<h2>{title}</h2>\n<div class="wide" role="region" aria-label="{title}" tabindex="0"><table>'
    yield (
        "<thead><tr>" + "".join(f'<th scope="col">{escape(title)}</th>' for title in titles) + "</tr></thead>\n<tbody>"
    )
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in _cells(row, escape)) + "</tr>"
    yield "</tbody>\n</table></div>\n</section>"


def findings_of(report: Report) -> list[Any]:
    """Return the findings in the report's evidence, the most urgent first, as the scan ordered them."""
    found = (result.evidence.get("findings") for result in report.results if result.id == CHECK)
    return [one for findings in found if isinstance(findings, list) for one in findings]


def _cells(row: dict[str, Any], escape: Escape) -> Iterator[str]:
    """Yield the cells of a finding as HTML."""
    severity = _text(row.get("severity"))
    malware = f" <b>{escape(_('malware'))}</b>" if row.get("malware") is True else ""
    mood = FAIL if malware else _MOOD.get(severity, WARN)
    yield f'<span class="badge {mood}">{escape(severity)}</span>{malware}'
    yield escape(_text(row.get("package")))
    yield escape(_text(row.get("version")))
    yield escape(", ".join(_texts(row.get("fixed"))) or _("no fix known"))
    yield escape(_("possible") if row.get("certainty") == POSSIBLE else _("certain"))
    yield "".join(f"<div>{_linked(one, escape)}</div>" for one in _texts(row.get("ids"))[:3])
    yield f"<div>{escape(_text(row.get('kev')))}</div>"
    yield f"<div>{escape(_share(row.get('epss')))}</div>"


def _share(value: Any) -> str:
    is_share = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
    return percent(value) if is_share else ""


def _linked(identifier: str, escape: Escape) -> str:
    """Return an id as a link to osv.dev if it is one of OSV's, else as text."""
    if not _ID.fullmatch(identifier):
        return escape(identifier)
    return f'<a href="{LINK.format(id=identifier)}" rel="noreferrer">{escape(identifier)}</a>'


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
