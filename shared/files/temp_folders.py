"""Temporary folders, each with a lock that distinguishes leftovers of a killed run from folders in use.

Every temporary folder has a name by which the next command of any kind finds and removes it. Folders that belong to
an installation are in PREFIX/state. All others are in the system's folder for temporary files, so that programs that
search parent folders for settings find none of the user's; a link in the user's own state folder leads there.
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
from shared.files.process_lock import holding, is_free, is_held, locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.processes.process import Account

NAME, LOCK, APART = ".trial-", ".lock", "ragtrace-"
TRIAL = ".ragtrace-try-"  # prefix of temporary folders next to an existing or new installation
REGISTER = "scratch"
OURS = re.compile(re.escape(NAME) + "[0-9a-f]{32}(" + re.escape(LOCK) + ")?")
GIVEN, PASSED = "given", 0o711  # a folder for another account, and the mode that lets all users traverse its parent
PATIENCE = 1.0  # seconds; a process that tests whether a lock is free holds it for a moment


@contextlib.contextmanager
def folder(state: Path, *, apart: Path | None = None, shared: bool = False) -> Iterator[Path]:
    """Create an empty private folder and remove it afterwards. Raises OSError if it cannot be created.

    If given, ``apart`` contains the folder, and ``state`` a link to it. With ``shared``, programs that are
    started meanwhile hold its lock too, so that it remains until all of them have ended.
    """
    place = state / f"{NAME}{uuid.uuid4().hex}"
    lock = place.with_name(place.name + LOCK)
    try:
        # before the folder exists, so that no other run sees a folder in use without its lock
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
    """Create a temporary folder outside any installation, in the system's folder for temporary files or in ``place``.

    With ``account``, yield a folder inside it, which the caller hands over with service_account.give. The caller keeps
    the outer folder, so that the account cannot replace the folder that root works in and removes.
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
    """Create a temporary folder in the folder to be tested. Raises OSError only if that folder does not allow it.

    If no link to it can be stored, a later run finds it by its name and removes it (installer/change/transaction.py).
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
    """Provide the folder of the links, or None if it cannot be created, or on Windows, which does not need it.

    Folders that were created for it are removed again if this tool had none before, as in a dry run.
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
        with contextlib.suppress(OSError):  # another run still has links in this folder
            for path in made:
                path.rmdir()


def _own_register() -> Path | None:
    """Return the folder of the links, or None if others could change it, as in the home of another user."""
    found = folders.user_state(folders.TOOL) / REGISTER
    return None if sys.platform != "win32" and owners.first_problem(str(found))[0] else found


def remove(place: Path) -> None:
    """Remove a folder, or a link of this tool and its target, if that is a folder of this user with a matching name."""
    if OURS.fullmatch(place.name) and _is_own(place, stat.S_ISLNK):
        target = Path(os.readlink(place))
        with contextlib.suppress(FileNotFoundError):
            names = (_name_apart(place), TRIAL + place.name[len(NAME) :])
            if target.name in names and _is_own(target, stat.S_ISDIR):
                files.remove_tree(target)
    files.remove_tree(place)


def _is_own(path: Path, kind: Callable[[int], bool] = bool) -> bool:
    """Return whether this user owns a path of the expected file type: in a shared folder, anyone can use any name."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return kind(status.st_mode) and (sys.platform == "win32" or status.st_uid == os.geteuid())


def is_tried(path: Path) -> bool:
    """Return whether a folder next to an installation is a temporary one that a run still holds."""
    return path.name.startswith(TRIAL) and is_held(path)


def abandoned(state: Path) -> list[Path]:
    """Return the temporary folders and links of this user that no process holds, and their locks."""
    ours = [path for path in state.glob(f"{NAME}*") if OURS.fullmatch(path.name) and _is_own(path)]
    places = {path.with_name(path.name.removesuffix(LOCK)) for path in ours}
    locks = {place: place.with_name(place.name + LOCK) for place in sorted(places)}
    return [path for place, lock in locks.items() if is_free(lock) for path in (place, lock)]


def tidy() -> None:
    """Remove leftovers of this user's killed runs outside of any installation, as far as possible."""
    places = []
    with contextlib.suppress(OSError):  # no writable folder for temporary files
        places.append(Path(tempfile.gettempdir()))
    with contextlib.suppress(RagtraceError, OSError):
        register = _own_register()
        places += [register] if register is not None else []
    for place in places:
        with contextlib.suppress(OSError):
            for path in abandoned(place):
                with contextlib.suppress(OSError):  # another run was first, or it belongs to another user
                    remove(path)
