"""Scratch folders under PREFIX/state, each held by a lock: what a killed run left is told from what is in use."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

from bootstrap import files
from bootstrap.errors import BusyError, HostError
from bootstrap.lockfile import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME, LOCK = ".trial-", ".lock"


@contextlib.contextmanager
def folder(state: Path) -> Iterator[Path]:
    """Make an empty private folder that is gone afterwards; raises OSError where none can be made."""
    place = state / f"{NAME}{uuid.uuid4().hex}"
    lock = place.with_name(place.name + LOCK)
    try:
        with locked(lock):  # before the folder is there: nobody ever sees one that is in use and not held
            place.mkdir(mode=0o700)
            try:
                yield place.resolve()
            finally:
                files.remove_tree(place)
    finally:
        files.remove_tree(lock)


def abandoned(state: Path) -> list[Path]:
    """Return the folders that nobody holds any more, and their locks."""
    places = {path.with_name(path.name.removesuffix(LOCK)) for path in state.glob(f"{NAME}*")}
    locks = {place: place.with_name(place.name + LOCK) for place in sorted(places)}
    return [path for place, lock in locks.items() if _is_free(lock) for path in (place, lock)]


def _is_free(lock: Path) -> bool:
    try:
        with locked(lock):
            return True
    except (BusyError, HostError, OSError):
        return False
