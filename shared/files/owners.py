"""Who else could change a path: the one rule for what we run, write, remember and trust (POSIX).

A path is the caller's when he or root owns it and every folder and link that leads to it, and when nobody else may
write there. A group may write where it holds nobody but the caller; others may add to a folder with the sticky bit,
in which nobody touches what another has. Windows keeps access lists instead (installer/trust/ownership.py).
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False  # typing is not worth its time at each start
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

FOREIGN, OPEN = "foreign", "open"  # what can be wrong: the owner, or the rights of group and others
OUTSIDE = 65534  # whoever is outside a user namespace; in there it stands for the real root
LINKS = 40  # that a path may lead through (Linux, path_resolution(7))


def trusted() -> set[int]:
    """Return the users who may own what leads to the caller's files: root and he himself."""
    return {0, os.geteuid(), *([OUTSIDE] if in_namespace() else [])}


def in_namespace() -> bool:
    """Return whether some users of this host are out of sight (user_namespaces(7))."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != ["0", "0", "4294967295"]
    except OSError:
        return False


def own_groups() -> set[int]:
    """Return the group that holds nobody but the caller, if there is one: root's, or the one of a user's own name."""
    user = os.geteuid()
    try:
        import grp
        import pwd

        account = pwd.getpwuid(user)
        group = grp.getgrgid(account.pw_gid)
    except (ImportError, KeyError):
        return set() if user else {0}
    alone = set(group.gr_mem) <= {account.pw_name} and (user == group.gr_gid == 0 or group.gr_name == account.pw_name)
    return {group.gr_gid} if alone else set()


def problem(
    status: os.stat_result,
    users: Collection[int] | None = None,
    groups: Collection[int] | None = None,
    *,
    sticky: bool = True,
) -> str:
    """Return FOREIGN or OPEN when others than these users and groups could change a file or what a folder holds.

    By default these are ``trusted()`` and ``own_groups()``; ``sticky`` says whether that bit suffices.
    """
    if status.st_uid not in (trusted() if users is None else users):
        return FOREIGN
    mode = status.st_mode
    if stat.S_ISLNK(mode) or (sticky and stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
        return ""
    if mode & stat.S_IWOTH:
        return OPEN
    if mode & stat.S_IWGRP and status.st_gid not in (own_groups() if groups is None else groups):
        return OPEN
    return ""


def chain(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each folder and link that a path leads through and what it leads to, from the top, as far as there is any.

    Raises OSError for what cannot be inspected, and where links lead in a circle.
    """
    left, here, links = _names(os.path.join(os.getcwd(), path) if not os.path.isabs(path) else path), "/", 0
    yield here, os.lstat(here)
    while left:
        name = left.pop(0)
        if name == "..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, name)
        try:
            status = os.lstat(there)
        except (FileNotFoundError, NotADirectoryError):
            return
        yield there, status
        if not stat.S_ISLNK(status.st_mode):
            here = there
            continue
        links += 1
        if links > LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(there)
        left = _names(target) + left
        here = "/" if target.startswith("/") else here


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def first_problem(path: str) -> tuple[str, str]:
    """Return the first place on the way to a path that others could change, and FOREIGN or OPEN; two empty texts."""
    for place, status in chain(path):
        found = problem(status)
        if found:
            return place, found
    return "", ""
