"""Renders a report as one self-contained HTML page: no scripts, no external resources, every value escaped.

Charts are inline SVG with colors that also work in print.
"""

from __future__ import annotations

import html
from collections import Counter
from typing import TYPE_CHECKING

from shared.i18n import _, translations
from shared.terminal.console import sentence
from validator.check import CATEGORIES, PASS, PERFORMANCE, STATUSES
from validator.render import html_findings
from validator.render.html_style import STYLE
from validator.render.text import category_title, shortfall, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.check import CheckResult
    from validator.report import Report

# blocks scripts and requests, whatever a value contains
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(report: Report) -> str:
    """Return the complete page."""
    title = escape(f"{report.title or 'ragtrace'}: {report.verdict}")
    parts = (
        f'<!DOCTYPE html>\n<html lang="{escape(language())}">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        *_header(report),
        *_glance(report),
        *_steps(report),
        *html_findings.table(report, escape),
        *_charts(report),
        *_results(report),
        *_footer(report),
        "</main>\n</body>\n</html>",
    )
    return "\n".join(parts)


def escape(text: str) -> str:
    """Return a value as one line of HTML text, without markup or characters that change the text direction."""
    return html.escape(sentence(text))


def language() -> str:
    """Return the language code of the messages, "en" if no catalogue is loaded."""
    return translations().info().get("language", "en") or "en"


def _header(report: Report) -> Iterator[str]:
    name = f"{report.title} {report.version or ''}".strip() or _("Host")
    yield f'<header>\n<div class="top"><div><h1>{escape(name)}</h1>'
    under = report.release or _("Nothing is installed; only the host was checked.")
    yield f'<p class="soft">{escape(under)}</p></div>'
    yield f'<div class="overall {escape(report.overall_status)}">{escape(report.verdict)}</div></div>\n<dl>'
    system = report.system_info
    facts = (
        (_("Time"), report.timestamp.replace("T", " ").replace("Z", " UTC")),
        (_("Installed in"), report.prefix),
        (_("Platform"), system.get("platform")),
        (_("Python"), system.get("python_version")),
        (_("Processors"), system.get("cpu_count")),
        (_("Memory"), f"{system['memory_gb']} GB" if "memory_gb" in system else None),
    )
    for label, value in facts:
        if value is not None:
            yield f"<div><dt>{escape(label)}</dt><dd>{escape(str(value))}</dd></div>"
    yield "</dl>\n</header>"


def _glance(report: Report) -> Iterator[str]:
    counted = Counter(result.status for result in report.results)
    shown = [status for status in STATUSES if counted[status]]
    yield f"<section>\n<h2>{escape(_('Summary'))}</h2>"
    if report.not_run:
        yield f'<p class="hint">{escape(shortfall(report))}</p>'
    yield '<ul class="counts">'
    for status in shown:
        yield f'<li class="{status}"><b>{counted[status]}</b>{status}</li>'
    yield f'</ul>\n<svg class="share" viewBox="0 0 {max(1, len(report.results))} 1" preserveAspectRatio="none">'
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
    yield "</div>\n</section>"


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
    for suggestion, command in found:
        typed = f"<pre>{escape(command)}</pre>" if command else ""
        yield f"<li>{escape(suggestion)}{typed}</li>"
    yield "</ol>\n</section>"


def _charts(report: Report) -> Iterator[str]:
    measured = [r for r in report.results if r.category == PERFORMANCE and r.performance_metric]
    if not measured:
        return
    yield f'<section>\n<h2>{escape(_("Measurements"))}</h2>\n<div class="charts">'
    for result in measured:
        yield f"<div><h3>{escape(result.check_name)}</h3>"
        yield from _chart(result)
        yield "</div>"
    yield "</div>\n</section>"


def _chart(result: CheckResult) -> Iterator[str]:
    """Yield bars for metrics that share a unit; the other metrics are shown as numbers."""
    metrics = result.performance_metric or {}
    units = Counter(metric["unit"] for metric in metrics.values())
    for unit in (unit for unit, count in units.items() if count > 1):
        values = {name: float(metric["value"]) for name, metric in metrics.items() if metric["unit"] == unit}
        longest = max(values.values())
        yield '<div class="bars">'
        for name, value in sorted(values.items(), key=lambda item: -item[1]):
            width = 100 * value / longest if longest > 0 else 0
            yield f'<span>{escape(name)}</span><svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none">'
            yield f'<rect width="{max(0.4, width):.2f}" height="1"/></svg>'
            yield f'<span class="number">{escape(_number(value, unit))}</span>'
        yield "</div>"
    alone = {name: metric for name, metric in metrics.items() if units[metric["unit"]] == 1}
    if alone:
        yield '<div class="figures">'
        for name, metric in alone.items():
            number = _number(metric["value"], metric["unit"])
            yield f'<div><b>{escape(number)}</b><span class="soft">{escape(name.replace("_", " "))}</span></div>'
        yield "</div>"


def _number(value: float, unit: str) -> str:
    """Return a value with three significant digits (a whole number from 1000 up), and its unit."""
    return f"{value:.0f} {unit}".strip() if abs(value) >= 1000 else f"{value:.3g} {unit}".strip()


def _results(report: Report) -> Iterator[str]:
    for category in CATEGORIES:
        results = [result for result in report.results if result.category == category]
        if not results:
            continue
        yield f"<section>\n<h2>{escape(category_title(category, report.title))}</h2>"
        for result in results:
            kind = escape(result.status)
            yield f'<article><span class="badge {kind}">{kind}</span>'
            yield f'<div class="what"><b>{escape(result.check_name)}</b><p>{escape(result.details)}</p>'
            if result.suggestion and result.status != PASS:
                yield f'<p class="hint">{escape(result.suggestion)}</p>'
            yield f'</div><span class="seconds">{result.seconds:.2f} s</span></article>'
        yield "</section>"


def _footer(report: Report) -> Iterator[str]:
    parts = (
        _("Host {host}").format(host=report.host) if report.host else "",
        f"ragtrace {report.system_info.get('installer_version', '')}".strip(),
    )
    yield f"<footer>{escape(' · '.join(part for part in parts if part))}</footer>"
