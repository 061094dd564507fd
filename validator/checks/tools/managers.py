"""Other tools: package managers and settings that could change what the application loads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from installer.release.settings import caller_names
from shared.i18n import _
from validator.check import TOOLS, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

PROGRAMS = ("conda", "mamba", "micromamba", "poetry", "pipenv", "pdm", "pyenv", "pixi", "pip")
# launchers remove PYTHON… variables, but those of the dynamic loader affect every program
CONFIGURED = ("PIP_", "UV_", "CONDA_", "POETRY_", "PIPENV_", "VIRTUAL_ENV")  # prefixes of their variables
PIP_FILES = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf", "~/Library/Application Support/pip/pip.conf")
LOADER = ("LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH")


class Managers(Check):
    """Reads PATH, the names of the caller's variables, pip's settings, and whether conda owns the base interpreter."""

    id = "tools.managers"
    category = TOOLS

    def title(self) -> str:
        return _("Other tools")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        present = [name for name in PROGRAMS if shutil.which(name)]
        loader = sorted(set(LOADER) & caller_names())
        settings = [*sorted(name for name in caller_names() if name.startswith(CONFIGURED)), *pip_files()]
        evidence = {"programs": present, "variables": loader, "settings": settings}
        if loader:
            yield self.warned(
                _("with these variables, other libraries may be loaded before the application's own: {names}").format(
                    names=", ".join(loader)
                ),
                suggestion=_("Start the application without these variables."),
                evidence=evidence,
            )
            return
        base = Path(subject.receipt.interpreter) if subject.receipt else None
        if base is not None and owned_by_conda(base):
            yield self.warned(
                _("{path} belongs to conda, whose updates change the application's Python").format(path=base),
                suggestion=_("Install again with a Python interpreter that this host's package manager provides."),
                command=subject.tool("install"),
                evidence=evidence,
            )
        elif present or settings:
            names = some_of([*present, *settings])
            details = _("without effect on the application: {names}").format(names=names)
            yield self.passed(details, evidence=evidence)
        else:
            yield self.passed(_("none"), evidence=evidence)


def pip_files() -> list[str]:
    """Return this user's pip configuration files, which only a manually run pip reads."""
    found = [Path(os.path.expanduser(name)) for name in PIP_FILES]  # expanduser leaves ~ if the user has no home
    if "APPDATA" in os.environ:
        found.append(Path(os.environ["APPDATA"], "pip", "pip.ini"))
    return [str(path) for path in found if path.is_file()]


def owned_by_conda(interpreter: Path) -> bool:
    """Return whether an interpreter belongs to a conda environment."""
    folders = {folder for path in (interpreter, interpreter.resolve()) for folder in list(path.parents)[:2]}
    return any((folder / "conda-meta").is_dir() for folder in folders)
