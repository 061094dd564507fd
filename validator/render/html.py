"""Renders a report as one self-contained HTML page: no external resources, every value escaped, failures first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shared.i18n import _
from shared.terminal.html_page import escape
from validator.check import CATEGORIES, STATUSES
from validator.render import html_charts, html_findings, html_results
from validator.render.html_parts import command, facts, page, times
from validator.render.text import category_title, shortfall, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.check import CheckResult
    from validator.report import Report


def render(report: Report) -> str:
    """Return the complete page."""
    return page(f"{report.title or 'ragtrace'}: {report.verdict}", _body(report))


def _body(report: Report) -> Iterator[str]:
    yield from _header(report)
    yield from _glance(report)
    yield from html_results.urgent(report)
    yield from _steps(report)
    yield from html_findings.table(report, escape)
    yield from html_charts.charts(report)
    yield from html_results.folded(report)
    yield f"<footer>{escape(_produced(report))}</footer>"


def _header(report: Report) -> Iterator[str]:
    name = f"{report.title} {report.version or ''}".strip() or _("Host")
    yield f'<header>\n<div class="top"><div><h1>{escape(name)}</h1>'
    under = report.release or _("Nothing is installed; only the host was checked.")
    yield f'<p class="soft">{escape(under)}</p></div>'
    kind = f"{report.overall_status} partial" if report.not_run else report.overall_status
    yield f'<div class="overall {escape(kind)}">{escape(report.verdict)}</div></div>'
    system, identity = report.system_info, report.identity
    yield from facts(
        (
            (_("Host"), identity.hostname if identity else report.host),
            (_("Asset"), identity.asset if identity else None),
            (_("Machine ID"), identity.machine_id if identity else None),
            (_("Installation ID"), identity.installation if identity else None),
            *times(report.timestamp),
            (_("Installed in"), report.prefix),
            (_("Platform"), system.get("platform")),
            (_("Python"), system.get("python_version")),
            (_("Processors"), system.get("cpu_count")),
            (_("Memory"), f"{system['memory_gb']} GB" if "memory_gb" in system else None),
        )
    )
    yield "</header>"


def _glance(report: Report) -> Iterator[str]:
    counted = Counter(result.status for result in report.results)
    shown = [status for status in STATUSES if counted[status]]
    yield f"<section>\n<h2>{escape(_('Summary'))}</h2>"
    yield from _partial(report)
    yield '<ul class="counts">'
    for status in shown:
        yield f'<li class="{status}"><b>{counted[status]}</b>{status}</li>'
    total = max(1, len(report.results))
    yield f'</ul>\n<svg class="share" viewBox="0 0 {total} 1" preserveAspectRatio="none" aria-hidden="true">'
    start = 0
    for status in shown:
        yield f'<rect class="{status}" x="{start}" width="{counted[status]}" height="1"/>'
        start += counted[status]
    yield '</svg>\n<div class="glance">'
    for category in CATEGORIES:
        results = [result for result in report.results if result.category == category]
        if results:
            yield f"<span>{escape(category_title(category, report.title))}</span><div>"
            yield from (_dot(result) for result in results)
            yield "</div>"
    yield "</div>"
    yield from html_results.filters(report)
    yield "</section>"


def _partial(report: Report) -> Iterator[str]:
    """Yield what the overall status does not cover: the sentence, and each check that was not run."""
    if not report.not_run:
        return
    yield f'<p class="hint partial">{escape(shortfall(report))}</p>'
    yield f'<details class="rest"><summary>{escape(_("Checks that were not run"))}</summary><ul>'
    for identifier, name in report.not_run.items():
        yield f'<li>{escape(name)} <code class="id">{escape(identifier)}</code></li>'
    yield "</ul></details>"


def _dot(result: CheckResult) -> str:
    """Return a mark whose shape also indicates the status, for readers who cannot distinguish the colors."""
    label = escape(f"{result.status} {result.check_name}")
    shape = {
        "PASS": '<circle cx="7" cy="7" r="6"/>',
        "WARN": '<path d="M7 1 13.5 13H.5z"/>',
        "SKIP": '<path d="M1 5.5h12v3H1z"/>',
        "ERROR": '<path d="M7 0l7 7-7 7-7-7z"/>',
    }.get(result.status, '<path d="M3 1 7 5l4-4 2 2-4 4 4 4-2 2-4-4-4 4-2-2 4-4-4-4z"/>')
    kind = escape(result.status)
    return f'<svg class="dot {kind}" viewBox="0 0 14 14" role="img"><title>{label}</title>{shape}</svg>'


def _steps(report: Report) -> Iterator[str]:
    found = steps(report)
    if not found:
        return
    yield f'<section>\n<h2>{escape(_("Next steps"))}</h2>\n<ol class="steps">'
    for suggestion, typed in found:
        yield f"<li>{escape(suggestion)}{command(typed) if typed else ''}</li>"
    yield "</ol>\n</section>"


def _produced(report: Report) -> str:
    parts = (
        _("Host {host}").format(host=report.host) if report.host else "",
        f"ragtrace {report.system_info.get('installer_version', '')}".strip(),
    )
    return " · ".join(part for part in parts if part)
