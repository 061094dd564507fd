"""Scanning the pickles in a model folder with picklescan, in the tools environment; no pickle is loaded or run.

A pickle is a program: its imports show what it can do. picklescan requires Python 3.11 or later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.advisories.scanner import Interpreter, Scanner
from shared.errors import ToolError
from shared.files import temp_folders
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

LEAST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Pickles:
    """The result of a scan: the number of files, their dangerous and unknown imports by path, the unreadable files."""

    scanned: int
    dangerous: dict[str, list[str]]
    suspicious: dict[str, list[str]]
    unread: tuple[str, ...]


def scan_folder(python: Path, folder: Path, *, limit: float) -> Pickles:
    """Scan every file of a folder with picklescan in the environment of ``python``; ``limit`` is in seconds.

    Raises ToolError if picklescan fails or if the folder has nothing to scan.
    """
    failure = _("picklescan cannot be run: {reason}")
    with temp_folders.scratch() as home:
        pickles = Scanner(Interpreter(python), "run_picklescan", home, limit).ask(
            {"folder": str(folder)},
            lambda found: Pickles(found["scanned"], found["dangerous"], found["suspicious"], tuple(found["unread"])),
            failure,
        )
    if not (pickles.scanned or pickles.unread):
        raise ToolError(failure.format(reason=_("there are no models")))
    return pickles
