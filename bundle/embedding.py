"""Comparison of a model's answer with the embedding in the manifest."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from bundle import strict
from shared.i18n import _

if TYPE_CHECKING:
    from bundle.product.model import Probe


def embedding_in(output: str) -> list[float] | None:
    """Return the embedding in a program's output, or None if there is none.

    It is a JSON list of finite numbers: the whole output or, failing that, the last line that is such a list.
    """
    for line in (output, *reversed(output.splitlines())):
        try:
            value: Any = strict.parse(line)
        except ValueError:
            continue
        if isinstance(value, list) and value and all(map(is_number, value)):
            return [float(item) for item in value]
    return None


def is_number(value: Any) -> bool:
    """Return whether a value from JSON is a number that a float can represent; Python integers are unbounded."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def difference(answer: list[float], probe: Probe) -> str | None:
    """Return how an answer differs from the one that a probe expects, or None if it is within the tolerance."""
    wanted = len(probe.embedding) or probe.dimension
    if len(answer) != wanted:
        return _("its dimension is {found}, not {wanted}").format(found=len(answer), wanted=wanted)
    length = math.sqrt(sum(component * component for component in answer))
    if length == 0:  # how some applications report a failure
        return _("every component is 0")
    if probe.normalised and abs(length - 1) > probe.tolerance:
        return _("its length is {length:.3g}, not 1").format(length=length)
    if not probe.embedding:
        return None
    worst = max(abs(found - wanted) for found, wanted in zip(answer, probe.embedding))
    if worst <= probe.tolerance:
        return None
    return _("a component differs by {worst:.3g}, more than {tolerance:g}").format(
        worst=worst, tolerance=probe.tolerance
    )
