"""Find the processes of the application.

A process belongs to the application if its program, its first argument (a script) or its working folder is in
PREFIX/releases or PREFIX/bin, or if a process of the application started it. This tool and its callers do not count.
Whether one release is in use, which prevents its removal, is checked without psutil (in_use.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psutil

    from installer.layout.prefix import Prefix


def roots_of(prefix: Prefix) -> tuple[str, ...]:
    """Return the folders that the application's paths start with, as given and with links resolved."""
    folders = [form(folder) for folder in (prefix.releases, prefix.bin) for form in (str, os.path.realpath)]
    return tuple({os.path.normcase(os.path.join(folder, "")) for folder in (*folders, str(prefix.current))})


def of_application(roots: tuple[str, ...]) -> list[psutil.Process]:
    """Return the processes with a path that starts with one of ``roots``, and their descendants."""
    import psutil  # reads /proc while it is imported

    everything = {process.pid: process for process in psutil.process_iter()}
    parents = {pid: _parent(process) for pid, process in everything.items()}
    ours = set(_ancestors(os.getpid(), parents))
    found = {
        pid
        for pid, process in everything.items()
        if pid not in ours and any(os.path.normcase(path).startswith(roots) for path in _places(process))
    }
    return [
        process
        for pid, process in everything.items()
        if pid not in ours and found.intersection(_ancestors(pid, parents))
    ]


def name_of(process: psutil.Process) -> str:
    """Return the name of a process's program and its ID, or the ID alone."""
    import psutil

    for read in (process.exe, process.name):
        try:
            name = os.path.basename(read())
        except (psutil.Error, OSError):  # another user's, or it has ended
            continue
        if name:
            return f"{name} ({process.pid})"
    return f"({process.pid})"


def _places(process: psutil.Process) -> Iterator[str]:
    """Yield the paths that identify a process; those that this user may not read are left out."""
    import psutil

    # the interpreter of an environment is a link to a file outside: only argv[0] has its path in the environment
    known: tuple[Callable[[], list[str]], ...] = (
        lambda: [os.path.join(process.cwd(), "")],
        lambda: [process.exe()],
        lambda: _named(process.cmdline()),
    )
    for read in known:
        try:
            yield from read()
        except (psutil.Error, OSError):  # noqa: PERF203 - each may fail on its own
            continue


def _named(words: list[str]) -> list[str]:
    """Return the program and the script of a command line: its first word and first argument that is not an option."""
    return [*words[:1], *[word for word in words[1:] if not word.startswith("-")][:1]]


def _parent(process: psutil.Process) -> int | None:
    import psutil

    try:
        return process.ppid()
    except (psutil.Error, OSError):
        return None


def _ancestors(pid: int, parents: dict[int, int | None]) -> Iterator[int]:
    """Yield the IDs of a process and its ancestors."""
    seen: set[int] = set()
    current: int | None = pid
    while current is not None and current not in seen:  # IDs are reused, which could form a loop
        seen.add(current)
        yield current
        current = parents.get(current)
