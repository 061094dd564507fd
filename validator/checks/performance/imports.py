"""Import time: how long each core module takes to import, one at a time and with no other check running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _
from validator.check import ERROR, NORMAL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.checks.performance.measured import Measured, judged
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

MODULE_LIMIT = 120.0  # seconds


class ImportTime(Check):
    """Runs the release's interpreter once for each core import of the profile."""

    id = "performance.imports"
    category = PERFORMANCE
    time_limit = 900.0
    effort = NORMAL
    measures = True

    def title(self) -> str:
        return _("Import time")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        manifest = installation.manifest
        modules = manifest.application.core_imports
        if not modules:
            raise UncheckedError(SKIP, _("the profile defines no core imports"))
        seconds, unmeasured = {}, []
        for module in modules:
            imported = trial.try_import(installation, module, timeout=self.left(MODULE_LIMIT))
            if imported.seconds is None:
                unmeasured.append(module)
            else:
                seconds[module] = imported.seconds
        metric = {module: (round(value, 4), "s") for module, value in seconds.items()}
        if unmeasured:
            details = _("could not be measured because the import fails: {names}").format(names=some_of(unmeasured))
            yield self.result(ERROR, details, metric=metric)
            return
        slowest = max(seconds, key=lambda module: seconds[module])
        details = _("the slowest is {module} with {seconds:.2f} s").format(module=slowest, seconds=seconds[slowest])
        yield judged(self, subject, details, Measured(metric, dict.fromkeys(metric, "import_seconds")))
