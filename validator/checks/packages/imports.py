"""Imports: each core module of the application can be imported in a fresh interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _
from validator.check import NORMAL, PACKAGES, SKIP, Check, CheckResult, UncheckedError
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

MODULE_LIMIT = 120.0  # seconds; the slowest import observed so far took 15 without bytecode


class Imports(Check):
    """Runs the release's interpreter once for each core import of the profile."""

    id = "packages.imports"
    category = PACKAGES
    time_limit = 900.0
    effort = NORMAL

    def title(self) -> str:
        return _("Imports")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        manifest = installation.manifest
        if not manifest.application.core_imports:
            raise UncheckedError(SKIP, _("the profile defines no core imports"))
        for module in manifest.application.core_imports:
            name = _("Import of {module}").format(module=module)
            evidence = {"module": module}
            if self.is_over:
                yield self.untried(name=name, evidence=evidence)
                continue
            imported = trial.try_import(installation, module, timeout=self.left(MODULE_LIMIT))
            if imported.reason:
                yield self.failed(imported.reason, name=name, evidence=evidence, **subject.repair())
            else:
                details = _("imported in {seconds:.2f} s").format(seconds=imported.seconds)
                yield self.passed(details, name=name, evidence=evidence)
