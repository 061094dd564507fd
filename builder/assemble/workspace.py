"""The workspace of a build: the output folder receives all finished folders at the end, or none."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from shared import troubles
from shared.errors import BuildError, BusyError
from shared.files import files
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WORKSPACE, PREVIOUS, LOCK = ".building-", ".former", ".lock"


@contextlib.contextmanager
def workspace(output_dir: Path) -> Iterator[Path]:
    """Create a temporary folder in the output folder, and remove it at the end: move results out before then.

    Raises BuildError in place of an OSError without a path, which a failed write raises.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    clear_abandoned(output_dir)
    work = output_dir / f"{WORKSPACE}{os.getpid()}"
    work.mkdir()
    try:
        with locked(work / LOCK):
            yield work
    except OSError as error:
        if error.filename is not None:
            raise
        # the error of a failed write has no path; the usual cause is a full disk
        reported = troubles.words(error, troubles.WRITING, near=output_dir)
        raise BuildError(
            reported.what, advice=f"{reported.advice} " + _("Or specify another folder with --output-dir.")
        ) from error
    finally:
        files.remove_tree(work)


def clear_abandoned(output_dir: Path) -> None:
    """Remove the workspaces of killed builds; move back a previous result that one of them had set aside."""
    for work in output_dir.glob(f"{WORKSPACE}*"):
        with contextlib.suppress(BusyError), locked(work / LOCK):  # another build may be using it
            for previous in (work / PREVIOUS).glob("*"):
                if not (output_dir / previous.name).exists():
                    os.replace(previous, output_dir / previous.name)
            files.remove_tree(work)


def put_in_place(work: Path, output_dir: Path, finished: Sequence[Path]) -> None:
    """Move finished folders into place, all or none; previous results that they replace are moved to the workspace."""
    files.sync_filesystem(work)
    previous = work / PREVIOUS
    previous.mkdir()
    undo: list[tuple[Path, Path]] = []
    try:
        for folder in finished:
            target = output_dir / folder.name
            for source, place in ((target, previous / folder.name), (folder, target)):
                if source.exists():
                    undo.append((place, source))
                    os.replace(source, place)
    except BaseException:
        for place, source in reversed(undo):
            if place.exists():
                os.replace(place, source)
        raise
