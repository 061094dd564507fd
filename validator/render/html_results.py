"""The results in the HTML report: failures, then warnings, then folded what was skipped and what passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _, plural
from shared.terminal.html_page import escape
from validator.check import CATEGORIES, ERROR, FAIL, PASS, SKIP, STATUSES, WARN
from validator.render.text import category_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from validator.check import CheckResult
    from validator.report import Report


def filters(report: Report) -> Iterator[str]:
    """Yield the search field and the filters, hidden until the script shows them."""
    statuses = [(status, status) for status in STATUSES if any(one.status == status for one in report.results)]
    categories = [
        (str(index), category_title(name, report.title))
        for index, name in enumerate(CATEGORIES)
        if any(one.category == name for one in report.results)
    ]
    yield '<div id="filters" role="search" hidden>'
    yield f'<label>{escape(_("Search"))}<input id="find" type="search" autocomplete="off"></label>'
    yield _select("status", _("Status"), statuses)
    yield _select("category", _("Category"), categories)
    yield '<output id="shown" for="find status category"></output></div>'


def _select(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    inside = "".join(
        f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in (("", _("all")), *options)
    )
    return f'<label>{escape(label)}<select id="{name}" autocomplete="off">{inside}</select></label>'


def urgent(report: Report) -> Iterator[str]:
    """Yield the sections of what requires action: failures first, then warnings."""
    failed = [result for status in (FAIL, ERROR) for result in report.results if result.status == status]
    warned = [result for result in report.results if result.status == WARN]
    for results, title in (
        (failed, plural("{count} problem", "{count} problems", len(failed))),
        (warned, plural("{count} warning", "{count} warnings", len(warned))),
    ):
        if results:
            yield f'<section class="group">\n<h2>{escape(title.format(count=len(results)))}</h2>'
            yield from _articles(results, report.title)
            yield "</section>"


def folded(report: Report) -> Iterator[str]:
    """Yield the sections of what was skipped and of what passed, each folded, by category."""
    skipped = [result for result in report.results if result.status == SKIP]
    passed = [result for result in report.results if result.status == PASS]
    for results, title in (
        (skipped, _("{count} skipped")),
        (passed, _("{count} passed")),
    ):
        if results:
            yield '<section class="group"><details class="fold">'
            yield f"<summary>{escape(title.format(count=len(results)))}</summary>"
            for category in CATEGORIES:
                group = [result for result in results if result.category == category]
                if group:
                    yield f'<div class="group"><h2>{escape(category_title(category, report.title))}</h2>'
                    yield from _articles(group)
                    yield "</div>"
            yield "</details></section>"


def _articles(results: Sequence[CheckResult], application: str | None = None) -> Iterator[str]:
    """Yield a row for each result; ``application`` is given where rows also name their category."""
    for result in results:
        kind = escape(result.status)
        yield f'<article data-status="{kind}" data-category="{CATEGORIES.index(result.category)}">'
        yield f'<span class="badge {kind}">{kind}</span><div class="what"><b>{escape(result.check_name)}</b>'
        if result.id:
            yield f'<code class="id">{escape(result.id)}</code>'
        if application is not None:
            yield f'<span class="soft">{escape(category_title(result.category, application))}</span>'
        yield f"<p>{escape(result.details)}</p>"
        if result.suggestion and result.status != PASS:
            yield f'<p class="hint">{escape(result.suggestion)}</p>'
        yield f'</div><span class="seconds">{result.seconds:.2f} s</span></article>'
