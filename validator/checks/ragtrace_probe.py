"""Model answer: the installed model gives the embedding that its manifest promises."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from bootstrap.errors import ToolError
from bootstrap.i18n import _
from validator import apart, trial
from validator.check import APPLICATION, NORMAL, SKIP, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootstrap.bundle.manifest import Manifest, Model, Probe
    from bootstrap.prefix import Prefix, Release
    from validator.subject import Subject


class ModelProbe(Check):
    """Runs the command of each model's probe without a network; compares its output with the promised embedding."""

    id = "ragtrace.probe"
    category = APPLICATION
    time_limit = 300.0
    effort = NORMAL

    def title(self) -> str:
        return _("Model answer")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, release, manifest = subject.need_prefix(), subject.need_release(), subject.need_manifest()
        probed = [(model, model.probe) for model in manifest.models if model.probe]
        if not probed:
            raise UncheckedError(SKIP, _("no model of the bundle has a probe"))
        for model, probe in probed:
            reason = self.trouble(prefix, release, manifest, probe)
            name, evidence = self.name_of(model), {"model": model.name}
            if reason:
                yield self.failed(reason, name=name, evidence=evidence, **subject.repair())
                continue
            right = (
                _("the embedding of the test sentence is right within {tolerance:g}, with no network")
                if apart.possible()
                else _("the embedding is right within {tolerance:g}; the network could not be taken away here")
            )
            yield self.passed(right.format(tolerance=probe.tolerance), name=name, evidence=evidence)

    def name_of(self, model: Model) -> str:
        return _("Answer of {model}").format(model=model.name)

    def trouble(self, prefix: Prefix, release: Release, manifest: Manifest, probe: Probe) -> str | None:
        """Return what is wrong with the model's answer, or None."""
        limit = self.left()
        try:
            command = (*probe.command, probe.sentence)
            ended = trial.run_launcher(prefix, release, manifest, command, timeout=limit, offline=True)
        except ToolError as error:
            return error.what
        if not ended.ok:
            return trial.ending(ended, limit)
        answer = embedding_in(ended.stdout)
        if answer is None:
            return _("it printed no list of numbers")
        return difference(answer, probe)


def embedding_in(output: str) -> list[float] | None:
    """Return the last line of an output that is a JSON list of finite numbers."""
    for line in (output, *reversed(output.splitlines())):
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, list) and value and all(is_number(item) for item in value):
            return [float(item) for item in value]
    return None


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number that can be compared."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def difference(answer: list[float], probe: Probe) -> str | None:
    """Return how an answer differs from what a probe promises, or None when it is within the tolerance."""
    if len(answer) != len(probe.embedding):
        return _("{found} components, not {wanted}").format(found=len(answer), wanted=len(probe.embedding))
    worst = max(abs(found - wanted) for found, wanted in zip(answer, probe.embedding))
    if worst <= probe.tolerance:
        return None
    return _("a component differs by {worst:.3g}, more than {tolerance:g}").format(
        worst=worst, tolerance=probe.tolerance
    )
