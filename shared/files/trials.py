"""Folders for a moment, each held by a lock: what a killed run left is told apart from what is in use.

The rule for all that is temporary: it has its name where the next command of any kind finds and removes it. What
belongs to an installation is in PREFIX/state. What belongs to none is in the system's place, where programs that
look for settings in the folders above find none of the user's, and a link in the user's own state folder leads there.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import RagtraceError
from shared.files import files, folders, owners
from shared.files.lockfile import holding, is_free, is_held, locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.processes.process import Account

NAME, LOCK, APART = ".trial-", ".lock", "ragtrace-"
TRIAL = ".ragtrace-try-"  # so begins the name of what lies where an installation is or comes
REGISTER = "scratch"
OURS = re.compile(re.escape(NAME) + "[0-9a-f]{32}(" + re.escape(LOCK) + ")?")
GIVEN, PASSED = "given", 0o711  # a folder for an account, and what all can pass through to it
PATIENCE = 1.0  # seconds; who looks whether a lock is free has it for a moment


@contextlib.contextmanager
def folder(state: Path, *, apart: Path | None = None, shared: bool = False) -> Iterator[Path]:
    """Make an empty private folder that is gone afterwards; raises OSError where none can be made.

    ``apart`` is where it lies then, with a link to it in ``state``. ``shared``: programs that are started meanwhile
    hold it too, so that it stays as long as one of them lives.
    """
    place = state / f"{NAME}{uuid.uuid4().hex}"
    lock = place.with_name(place.name + LOCK)
    try:
        # before the folder is there: nobody ever sees one that is in use and not held
        with locked(lock, wait=PATIENCE, inherited=shared):
            try:
                yield _make(place, apart).resolve()
            finally:
                remove(place)
    finally:
        files.remove_tree(lock)


def _make(place: Path, apart: Path | None) -> Path:
    if apart is None:
        place.mkdir(mode=0o700)
        return place
    made = apart / _name_apart(place)
    place.symlink_to(made)
    made.mkdir(mode=0o700)
    return made


def _name_apart(place: Path) -> str:
    return APART + place.name[len(NAME) :]


@contextlib.contextmanager
def scratch(place: Path | None = None, *, account: Account | None = None) -> Iterator[Path]:
    """Make such a folder that belongs to no installation, in the system's place or in the one that is named.

    For an account it is one inside, to be given to it (service.give): the folder around stays ours, so that the
    account can put nothing in the place of what root starts there and removes.
    """
    system = Path(place or tempfile.gettempdir()).absolute()
    with _register() as register, folder(system) if register is None else folder(register, apart=system) as made:
        if account is None:
            yield made
            return
        made.chmod(PASSED)
        inner = made / GIVEN
        inner.mkdir(mode=0o700)
        yield inner


@contextlib.contextmanager
def beside(place: Path) -> Iterator[Path]:
    """Make such a folder in a place that is to be tried; raises OSError only where that place refuses it.

    Where no link to it can be stored, its name is one that the next run in this place removes (transaction.py).
    """
    name = uuid.uuid4().hex
    made = place / f"{TRIAL}{name}"
    with contextlib.ExitStack() as held:
        register = held.enter_context(_register())
        if register is not None:
            with contextlib.suppress(OSError, RagtraceError):
                link = register / f"{NAME}{name}"
                lock = link.with_name(link.name + LOCK)
                held.callback(files.remove_tree, lock)
                held.enter_context(locked(lock, wait=PATIENCE, inherited=False))
                held.callback(files.remove_tree, link)
                link.symlink_to(made.absolute())
        made.mkdir(mode=0o700)
        try:
            with holding(made):
                yield made
        finally:
            files.remove_tree(made)


@contextlib.contextmanager
def _register() -> Iterator[Path | None]:
    """Give the folder of the links; None where none can be made, and on Windows, whose place is always the same.

    Where nothing of this tool was before, as at a dry run, the folders that were made for it go again.
    """
    found: Path | None = None
    made: list[Path] = []
    with contextlib.suppress(OSError, RagtraceError):
        found = _own_register() if sys.platform != "win32" else None
        if found is not None:
            made = [path for path in (found, *found.parents) if not path.exists()]
            made = made if found.parent in made else []  # else another run may be about to use it
            found.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield found if found is not None and os.access(found, os.W_OK | os.X_OK) else None
    finally:
        with contextlib.suppress(OSError):  # another run keeps its own there
            for path in made:
                path.rmdir()


def _own_register() -> Path | None:
    """Return where the links lie; None where others could change them, as in the home of another user."""
    found = folders.user_state(folders.TOOL) / REGISTER
    return None if sys.platform != "win32" and owners.first_problem(str(found))[0] else found


def remove(place: Path) -> None:
    """Remove a folder, and what a link of ours leads to: a folder of this user with the name that belongs to it."""
    if OURS.fullmatch(place.name) and _is_own(place, stat.S_ISLNK):
        target = Path(os.readlink(place))
        with contextlib.suppress(FileNotFoundError):
            names = (_name_apart(place), TRIAL + place.name[len(NAME) :])
            if target.name in names and _is_own(target, stat.S_ISDIR):
                files.remove_tree(target)
    files.remove_tree(place)


def _is_own(path: Path, kind: Callable[[int], bool] = bool) -> bool:
    """Return whether a path is of this user, and of a kind: in a folder that all share, names are anybody's."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return kind(status.st_mode) and (sys.platform == "win32" or status.st_uid == os.geteuid())


def is_tried(path: Path) -> bool:
    """Return whether a run still tries something in a folder that lies where an installation is or comes."""
    return path.name.startswith(TRIAL) and is_held(path)


def abandoned(state: Path) -> list[Path]:
    """Return the folders of this user that nobody holds any more, and their locks."""
    ours = [path for path in state.glob(f"{NAME}*") if OURS.fullmatch(path.name) and _is_own(path)]
    places = {path.with_name(path.name.removesuffix(LOCK)) for path in ours}
    locks = {place: place.with_name(place.name + LOCK) for place in sorted(places)}
    return [path for place, lock in locks.items() if is_free(lock) for path in (place, lock)]


def tidy() -> None:
    """Remove what killed runs of this user left outside of any installation; what cannot be removed stays."""
    places = []
    with contextlib.suppress(OSError):  # no folder that can be written
        places.append(Path(tempfile.gettempdir()))
    with contextlib.suppress(RagtraceError, OSError):
        register = _own_register()
        places += [register] if register is not None else []
    for place in places:
        with contextlib.suppress(OSError):
            for path in abandoned(place):
                with contextlib.suppress(OSError):  # another run was first, or it is somebody else's
                    remove(path)
