"""Model time: how long a model takes from its command's start to its answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bootstrap.errors import ToolError
from bootstrap.i18n import _
from validator import trial
from validator.check import ERROR, FULL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class ModelTime(Check):
    """Runs the command of each model's probe once more, with nothing beside; start and loading are in it."""

    id = "performance.model"
    category = PERFORMANCE
    time_limit = 600.0
    measures = True
    effort = FULL

    def title(self) -> str:
        return _("Model time")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, release, manifest = subject.need_prefix(), subject.need_release(), subject.need_manifest()
        probed = [(model, model.probe) for model in manifest.models if model.probe]
        if not probed:
            raise UncheckedError(SKIP, _("no model of the bundle has a probe"))
        metric = {}
        for model, probe in probed:
            limit, started = self.left(), time.perf_counter()
            try:
                ended = trial.run_launcher(prefix, release, manifest, (*probe.command, probe.sentence), timeout=limit)
            except ToolError as error:
                raise UncheckedError(ERROR, error.what) from error
            if not ended.ok:
                raise UncheckedError(ERROR, trial.ending(ended, limit))
            metric[model.name] = (round(time.perf_counter() - started, 3), "s")
        slowest = max(metric, key=lambda name: metric[name])
        details = _("{model} starts, loads and answers in {seconds:.2f} s")
        yield self.passed(details.format(model=slowest, seconds=metric[slowest][0]), metric=metric)
