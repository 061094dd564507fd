"""Pickles in folders of models, judged by picklescan in the tools environment; nothing is loaded or run.

A pickle is a program: what it imports shows what it can do. picklescan needs Python 3.11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.advisories import scanner
from shared.errors import ToolError
from shared.files import trials
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

LEAST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Pickles:
    """What was found: files inspected, those that import what is dangerous or not known, those not readable."""

    scanned: int
    dangerous: dict[str, list[str]]
    suspicious: dict[str, list[str]]
    unread: tuple[str, ...]


def scan_folder(python: Path, folder: Path, *, limit: float) -> Pickles:
    """Inspect every file of a folder. ``limit`` is in seconds.

    Raises ToolError when picklescan cannot say, or when there is nothing to inspect.
    """
    failure = _("picklescan cannot be run: {reason}")
    with trials.scratch() as home:
        pickles = scanner.ask(
            python,
            "run_picklescan",
            {"folder": str(folder)},
            lambda found: Pickles(found["scanned"], found["dangerous"], found["suspicious"], tuple(found["unread"])),
            failure,
            folder=home,
            limit=limit,
        )
    if not (pickles.scanned or pickles.unread):
        raise ToolError(failure.format(reason=_("there are no models")))
    return pickles
