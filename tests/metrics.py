"""A strict reader of the Prometheus text format (version 0.0.4) for tests.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

HELP = re.compile(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*")
TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)")
SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?!\})|(?=\})))+)\})?'
    r" (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Samples:
    """Return every sample; raise AssertionError for what a strict reader would refuse.

    Each metric is one block of HELP, TYPE and samples, no series comes twice, and Prometheus's own
    reader for Python sees the same.
    """
    assert text.endswith("\n")
    blocks: set[str] = set()
    current = typed = ""
    for line in text[:-1].split("\n"):
        if matched := HELP.fullmatch(line):
            current, typed = matched[1], ""
            assert current not in blocks, f"{current} comes in two blocks"
            blocks.add(current)
        elif matched := TYPE.fullmatch(line):
            assert matched[1] == current, line
            typed = current
            assert (matched[2] == "counter") == current.endswith("_total"), line
        else:
            matched = SAMPLE.fullmatch(line)
            assert matched, f"not a line of the format: {line!r}"
            assert matched[1] == current == typed, line
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in samples, f"{key} comes twice"
            samples[key] = sample.value
    return samples


def value(samples: Samples, name: str, **labels: str) -> float:
    """Return the only sample of a metric that has these labels."""
    (found,) = [
        number
        for (metric, known), number in samples.items()
        if metric == name and labels.items() <= dict(known).items()
    ]
    return found
