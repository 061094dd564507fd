"""Model: load time, embedded sentences per second, and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import ToolError
from shared.i18n import _
from validator.check import ERROR, FULL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError
from validator.checks.performance.measured import Measured, judged
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.product.model import Model, Probe
    from validator.subject import Subject

BATCH = 32  # sentences after the first: the extra time is embedding, the rest is loading


class ModelTime(Check):
    """Runs each model's probe with no other check running, then its batch command, if the profile has one."""

    id = "performance.model"
    category = PERFORMANCE
    time_limit = 600.0
    measures = True
    effort = FULL

    def title(self) -> str:
        return _("Model")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        probed = [(model, model.probe) for model in subject.need_manifest().models if model.probe]
        if not probed:
            raise UncheckedError(SKIP, _("no model in the bundle has a probe"))
        for model, probe in probed:
            yield self.measure(subject, model, probe)

    def measure(self, subject: Subject, model: Model, probe: Probe) -> CheckResult:
        """Measure one model and return the result."""
        once = self.timed(subject, (*probe.command, probe.sentence))
        details = _("starts, loads the model and answers in {seconds:.2f} s").format(seconds=once.seconds)
        metric = {f"{model.name}.load": (round(once.seconds, 3), "s")}
        bounds = {f"{model.name}.load": "model_seconds"}
        if once.peak is not None:
            metric[f"{model.name}.memory"] = (round(once.peak / 1e9, 3), "GB")
            bounds[f"{model.name}.memory"] = "model_memory_gb"
        if probe.batch:
            many = self.timed(subject, (*probe.batch, *[probe.sentence] * (BATCH + 1)))
            more = many.seconds - once.seconds
            if more > 0:  # otherwise the difference is noise between two starts
                rate = BATCH / more
                metric[f"{model.name}.rate"] = (round(rate, 2), "1/s")
                bounds[f"{model.name}.rate"] = "embeddings_per_second"
                details = _("{details}, then embeds {rate:.1f} sentences per second").format(details=details, rate=rate)
        name = _("Model {model}").format(model=model.name)
        return judged(self, subject, details, Measured(metric, bounds), name=name)

    def timed(self, subject: Subject, command: tuple[str, ...]) -> trial.Took:
        """Run a command of the application to its end and return its cost. Raises UncheckedError if it fails."""
        limit = self.left()
        try:
            took, ended = trial.time_launcher(subject.need_installation(), command, timeout=limit)
        except ToolError as error:
            raise UncheckedError(ERROR, error.what) from error
        if took is None or not ended.ok:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        return took
