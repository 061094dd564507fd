"""Launchers of a module that nothing in the bundle provides: named before the host finds out."""

from __future__ import annotations

import re
import sys
import zipfile
from typing import TYPE_CHECKING

from shared.errors import BuildError
from shared.files.zips import BROKEN
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bundle.product.application import Application, Launcher

_DATA = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")
_SUFFIX = re.compile(r"\.(?:pyc?|[^/]*\.?(?:so|pyd))$")


def require_launchable(application: Application, source: Iterable[str], wheels: Iterable[Path]) -> None:
    """Raise BuildError for each launcher whose module neither the source, a wheel nor the standard library has.

    ``source`` are the paths of the application's files. Only the first part of a module's name is looked up.
    """
    wanted = {_top(launcher): launcher for launcher in application.launchers if launcher.kind in ("module", "entry")}
    missing = wanted.keys() - sys.stdlib_module_names - set(_of_source(application, source))
    for wheel in wheels:
        if not missing:
            return
        missing -= set(_of_wheel(wheel))
    if missing:
        what = _("The command {name} starts the module {module}, which no package of the lockfile has.")
        raise BuildError(
            *(what.format(name=wanted[top].name, module=top) for top in sorted(missing)),
            advice=_("Run `uv add` for the package that has it, or specify another command."),
        )


def _top(launcher: Launcher) -> str:
    return launcher.target.partition(":")[0].partition(".")[0]


def _of_source(application: Application, source: Iterable[str]) -> Iterator[str]:
    """Yield the modules that the source has on its import paths."""
    folders = {"" if path == "." else f"{path}/" for path in application.import_paths}
    for path in source:
        for folder in folders:
            if path.startswith(folder):
                yield _SUFFIX.sub("", path[len(folder) :].partition("/")[0])


def _of_wheel(path: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, *BROKEN):  # reported where wheels are inspected
        return
    for name in names:
        yield _SUFFIX.sub("", _DATA.sub("", name).partition("/")[0])
