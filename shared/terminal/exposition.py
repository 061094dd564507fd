"""The Prometheus text format, for the textfile collector of a host's exporter.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4. Names and base units:
https://prometheus.io/docs/practices/naming/. Help text is not translated: an exporter that finds one metric in two
files requires the same help text in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.terminal.console import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

GAUGE, COUNTER = "gauge", "counter"
ENDING = ".prom"  # of files that the textfile collector reads
MODE = 0o644  # the exporter is another user
# a displayed unit → the base unit at the end of a metric's name, and the factor
BASE_UNITS = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "B": ("bytes", 1.0),
    "kB": ("bytes", 1e3),
    "MB": ("bytes", 1e6),
    "GB": ("bytes", 1e9),
    "TB": ("bytes", 1e12),
    "MB/s": ("bytes_per_second", 1e6),
    "GB/s": ("bytes_per_second", 1e9),
    "GFLOP/s": ("flops", 1e9),
    "%": ("ratio", 1e-2),
}


@dataclass(frozen=True)
class Family:
    """One metric: its name, its help text, its samples (labels and value, in the name's base unit)."""

    name: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]
    kind: str = GAUGE


def render(families: Iterable[Family]) -> str:
    """Return families in the text format; those without samples are omitted."""
    return "".join(f"{line}\n" for family in families if family.samples for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {escaped(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        inside = ",".join(f'{name}="{escaped(text, quote=True)}"' for name, text in labels.items())
        yield f"{family.name}{{{inside}}} {number(value)}" if inside else f"{family.name} {number(value)}"


def escaped(text: str, *, quote: bool = False) -> str:
    """Return help text, or with ``quote`` the value of a label, escaped to fit on one line."""
    text = "\n".join(map(sentence, text.split("\n")))  # this format has its own escape for LF
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def number(value: float) -> str:
    """Format a value for Prometheus, in the shortest notation that preserves it."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
