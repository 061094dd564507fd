"""Visual C++ runtime: Microsoft's libraries, which packages with native code such as torch need, can be loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from installer.release import acceptance
from shared.i18n import _
from shared.processes import process, scripts
from validator.check import ERROR, SYSTEM, Check, CheckResult, UncheckedError
from validator.checks.windows_settings import need_windows
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

# CPython includes the first and, since 3.8, the second; only Microsoft's installer has the third
LIBRARIES = ("vcruntime140.dll", "vcruntime140_1.dll", "msvcp140.dll")
ASK = scripts.text("scripts/load_libraries")


class VisualCpp(Check):
    """Loads each library of the runtime with the release's interpreter, or this one if nothing is installed."""

    id = "system.msvc"
    category = SYSTEM
    time_limit = 30.0

    def title(self) -> str:
        return _("Visual C++ runtime")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        need_windows()
        missing = self._missing(subject)
        native = native_packages(subject)
        if not missing:
            yield self.passed(_("{libraries} can be loaded").format(libraries=", ".join(LIBRARIES)))
        elif subject.manifest and not native:
            details = _("{libraries} cannot be loaded, but no package in the bundle has native code")
            yield self.passed(details.format(libraries=", ".join(missing)), evidence={"missing": missing})
        else:
            details = _(
                "{libraries} cannot be loaded; packages with native code, such as torch, need the Visual C++ runtime"
            )
            yield self.warned(
                details.format(libraries=", ".join(missing)),
                suggestion=_(
                    "Ask an administrator to install Microsoft's Visual C++ Redistributable (2015 or later) "
                    "for the architecture of this Python interpreter."
                ),
                evidence={"missing": missing, "native": native},
            )

    def _missing(self, subject: Subject) -> list[str]:
        limit = self.left()
        arguments = ["-I", "-S", "-B", "-c", ASK, *LIBRARIES]
        if subject.release and subject.manifest:
            ended = trial.run_python(subject.need_installation(), arguments, timeout=limit)
        else:
            ended = process.run([sys.executable, *arguments], env=acceptance.basic_environment(), timeout=limit)
        missing = trial.answer_in(ended)
        if missing is None:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        return list(missing)


def native_packages(subject: Subject) -> list[str]:
    """Return the packages that have platform-specific wheels, and therefore native code."""
    packages = subject.manifest.packages if subject.manifest else ()
    return [package.name for package in packages if not package.wheel.endswith("-any.whl")]
