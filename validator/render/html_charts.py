"""The measurements in the HTML report, as inline SVG with colors that also work in print.

A bar shows a value, a mark on it the threshold; both are also written as numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from shared.i18n import _
from shared.terminal.html_page import escape
from validator.check import PERFORMANCE, WARN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from validator.check import CheckResult
    from validator.report import Report

VISIBLE = 5  # a threshold further away than this many times the longest bar would make all bars invisible


def charts(report: Report) -> Iterator[str]:
    """Yield the section with all measurements; nothing if there are none."""
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
    """Yield bars for metrics that share a unit; each other metric has a number, and a bar if it has a threshold."""
    metrics = result.performance_metric or {}
    units = Counter(metric["unit"] for metric in metrics.values())
    kind = f" {WARN}" if result.status == WARN else ""
    for unit in (unit for unit, count in units.items() if count > 1):
        yield from _bars({name: metric for name, metric in metrics.items() if metric["unit"] == unit}, kind)
    alone = {name: metric for name, metric in metrics.items() if units[metric["unit"]] == 1}
    if alone:
        yield '<div class="figures">'
        for name, metric in alone.items():
            number = _number(metric["value"], metric["unit"])
            yield f'<div><b>{escape(number)}</b><span class="soft">{escape(name.replace("_", " "))}</span>'
            if "threshold" in metric:
                yield _bar(metric, max(metric["value"], metric["threshold"]), kind)
            yield f"{_beside(metric)}</div>"
        yield "</div>"


def _bars(metrics: Mapping[str, dict[str, Any]], kind: str) -> Iterator[str]:
    """Yield the bars of metrics that share a unit, the longest first, and their threshold."""
    longest = max(metric["value"] for metric in metrics.values())
    limits = [metric["threshold"] for metric in metrics.values() if "threshold" in metric]
    longest = max([longest, *(limit for limit in limits if limit <= VISIBLE * longest)])
    shared = len(set(limits)) == 1 and len(limits) == len(metrics)
    yield '<div class="bars">'
    for name, metric in sorted(metrics.items(), key=lambda item: -item[1]["value"]):
        yield f"<span>{escape(name)}</span>{_bar(metric, longest, kind)}"
        yield f'<span class="number">{escape(_number(metric["value"], metric["unit"]))}</span>'
        if not shared and (beside := _beside(metric)):
            yield f'<div class="beside">{beside}</div>'
    yield "</div>"
    if shared:
        limit = {"threshold": limits[0], "unit": next(iter(metrics.values()))["unit"]}
        yield f'<p class="beside">{_beside(limit)}</p>'


def _bar(metric: Mapping[str, Any], longest: float, kind: str) -> str:
    """Return a bar on a scale up to ``longest``, with a mark at the threshold if that is on the scale."""
    width = 100 * metric["value"] / longest if longest > 0 else 0
    bar = f'<rect width="{max(0.4, width):.2f}" height="1"/>'
    if longest > 0 and 0 < metric.get("threshold", 0) <= longest:
        start = min(99.4, 100 * metric["threshold"] / longest)
        bar += f'<path class="mark" d="M{start:.2f} 0h.6v1h-.6z"/>'
    return f'<svg class="bar{kind}" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">{bar}</svg>'


def _beside(metric: Mapping[str, Any]) -> str:
    """Return the threshold and the value of the previous run, as far as a metric has them."""
    unit = metric["unit"]
    parts = (
        _("threshold {value}").format(value=_number(metric["threshold"], unit)) if "threshold" in metric else "",
        _("previous run {value}").format(value=_number(metric["last"], unit)) if "last" in metric else "",
    )
    text = ", ".join(filter(None, parts))
    return f'<small class="soft">{escape(text)}</small>' if text else ""


def _number(value: float, unit: str) -> str:
    """Return a value with three significant digits (a whole number from 1000 up), and its unit."""
    return f"{value:.0f} {unit}".strip() if abs(value) >= 1000 else f"{value:.3g} {unit}".strip()
