"""Other tools: package managers and settings that could change what the application loads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.i18n import _
from validator.check import TOOLS, Check, CheckResult
from validator.subject import caller_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

PROGRAMS = ("conda", "mamba", "micromamba", "poetry", "pipenv", "pdm", "pyenv", "pixi", "pip")
# launchers drop what PYTHON… would change, but a loader's own variables reach every program
LOADER = ("LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH")


class Managers(Check):
    """Reads PATH, the names of the caller's variables, and whether conda owns the base interpreter."""

    id = "tools.managers"
    category = TOOLS

    def title(self) -> str:
        return _("Other tools")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        present = [name for name in PROGRAMS if shutil.which(name)]
        loader = sorted(set(LOADER) & caller_names())
        evidence = {"programs": present, "variables": loader}
        if loader:
            yield self.warned(
                _("{names} may put other libraries in front of the application's own").format(names=", ".join(loader)),
                suggestion=_("Start the application without these variables."),
                evidence=evidence,
            )
            return
        base = Path(subject.receipt.interpreter) if subject.receipt else None
        if base is not None and owned_by_conda(base):
            yield self.warned(
                _("{path} belongs to conda, whose updates change it under the application").format(path=base),
                suggestion=_("Install again with a Python that this host's own package manager looks after."),
                command=subject.tool("install"),
                evidence=evidence,
            )
        elif present:
            details = _("{names} are here; none of them touches the application").format(names=", ".join(present))
            yield self.passed(details, evidence=evidence)
        else:
            yield self.passed(_("none"), evidence=evidence)


def owned_by_conda(interpreter: Path) -> bool:
    """Tell whether an interpreter lies in an environment of conda."""
    return any((folder / "conda-meta").is_dir() for folder in list(interpreter.parents)[:2])
