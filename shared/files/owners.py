"""The rule that decides who else can change a path, for all files that this tool runs, writes or trusts (POSIX).

A path is the caller's if the caller or root owns it and every folder and link on the way to it, and if no one else may
write there. Group write permission is accepted if the group is the caller's private one (own_groups), and a sticky
folder may be writable, because users cannot touch each other's files in it. Windows has access lists instead
(installer/trust/ownership.py).
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False  # importing typing at each start would take too long
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

FOREIGN, OPEN = "foreign", "open"  # possible problems: the owner, or the permissions of group and others
OUTSIDE = 65534  # all users outside a user namespace; inside, it represents the real root
LINKS = 40  # limit for links on the way (Linux, path_resolution(7))


def trusted() -> set[int]:
    """Return the users who may own the folders and links on the way to the caller's files: root and the caller."""
    return {0, os.geteuid(), *([OUTSIDE] if in_namespace() else [])}


def in_namespace() -> bool:
    """Return whether some users of this host are not mapped in this user namespace (user_namespaces(7))."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != ["0", "0", "4294967295"]
    except OSError:
        return False


def own_groups() -> set[int]:
    """Return a set with the GID of the caller's primary group if that is a private group, else an empty set.

    Private: it lists no other member, and is root's (GID 0) or named after the user. Accounts that have it as their
    primary group are not considered.
    """
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
    """Return FOREIGN or OPEN if other users or groups could change a file or the contents of a folder, else "".

    The defaults are ``trusted()`` and ``own_groups()``; with ``sticky`` a folder with that bit is accepted.
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
    """Yield each existing folder and link on the way to a path, including its target, from the root down.

    Raises OSError if an entry cannot be inspected, or if links form a loop.
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
    """Return the first entry of a path that others could change, with FOREIGN or OPEN; two empty strings if none."""
    for place, status in chain(path):
        found = problem(status)
        if found:
            return place, found
    return "", ""
