"""Renders the comparison of two reports as one self-contained HTML page, what got worse first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _
from shared.terminal.html_page import escape
from validator.compare import BETTER, GONE, NEW, OTHER, WORSE, Comparison, compare
from validator.render.html_parts import facts, page, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from validator.check import CheckResult
    from validator.compare import Change
    from validator.report import Report


def render(before: Report, after: Report) -> str:
    """Return the complete page."""
    found = compare(before, after)
    title = f"{after.title or 'ragtrace'}: {found.verdicts[0]} → {found.verdicts[1]}"
    return page(title, _body(before, after, found))


def kinds() -> dict[str, str]:
    """Return the words for the kinds of changes."""
    return {WORSE: _("worse"), BETTER: _("better"), OTHER: _("different"), NEW: _("new"), GONE: _("removed")}


def _body(before: Report, after: Report, found: Comparison) -> Iterator[str]:
    yield f"<header>\n<h1>{escape(_('Comparison of two validations'))}</h1>"
    if found.uncovered:
        text = _("Not run by the later validation, so not compared: {checks}")
        yield f'<p class="hint partial">{escape(text.format(checks=", ".join(found.uncovered)))}</p>'
    yield '<div class="columns">'
    yield from _side(_("Earlier validation"), before)
    yield from _side(_("Later validation"), after)
    yield "</div>\n</header>"
    yield from _changes(found.changes)
    if found.moved:
        rows = (
            (item.id, item.metric, f"{item.before:g} {item.unit}".strip(), f"{item.after:g} {item.unit}".strip())
            for item in found.moved
        )
        yield from _table(_("Changed measurements"), (_("Check"), _("Metric"), _("Before"), _("After")), rows)
    if found.facts:
        changed = ((name, *("-" if one is None else str(one) for one in pair)) for name, pair in found.facts.items())
        title = _("Changes of the host or the release")
        yield from _table(title, (_("Property"), _("Before"), _("After")), changed)
    if not (found.facts or found.changes or found.moved):
        yield f"<section><p>{escape(_('Nothing changed.'))}</p></section>"


def _side(title: str, report: Report) -> Iterator[str]:
    kind = f"{report.overall_status} partial" if report.not_run else report.overall_status
    yield f'<div><h2>{escape(title)}</h2><span class="overall {escape(kind)}">{escape(report.verdict)}</span>'
    identity = report.identity
    yield from facts(
        (
            *times(report.timestamp),
            (_("Host"), identity.hostname if identity else report.host),
            (_("Asset"), identity.asset if identity else None),
            (_("Release"), report.release),
        )
    )
    yield "</div>"


def _changes(changes: Iterable[Change]) -> Iterator[str]:
    by_kind = {
        kind: [change for change in changes if change.kind == kind] for kind in (WORSE, NEW, GONE, OTHER, BETTER)
    }
    words = kinds()
    for kind, group in by_kind.items():
        if group:
            yield f"<section>\n<h2>{escape(words[kind])} ({len(group)})</h2>"
            for change in group:
                shown = change.result
                turn = f"{_status(change.before)} → {_status(change.after)}"
                yield f'<article class="change"><div class="turn">{turn}</div>'
                yield f'<div class="what"><b>{escape(shown.check_name)}</b><code class="id">{escape(shown.id)}</code>'
                yield f"<p>{escape(shown.details)}</p></div></article>"
            yield "</section>"


def _status(result: CheckResult | None) -> str:
    return f'<span class="badge {escape(result.status)}">{escape(result.status)}</span>' if result else "<span>-</span>"


def _table(title: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    label = escape(title)
    yield f'<section>\n<h2>{label}</h2>\n<div class="wide" role="region" aria-label="{label}" tabindex="0">'
    yield '<table class="narrow"><thead><tr>'
    yield "".join(f'<th scope="col">{escape(head)}</th>' for head in heads) + "</tr></thead>\n<tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>\n</section>"
