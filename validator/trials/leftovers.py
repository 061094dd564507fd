"""What a plugin left running: its processes are found by a mark in their environment, and ended."""

from __future__ import annotations

from shared.processes import supervised

MARK = "RAGTRACE_PLUGIN_RUN"  # a variable by which what a plugin left running is found
ROUNDS = 1000  # in which what is left running is looked for, of a millisecond or so


def end(token: str) -> int:
    """End every process of this user that a plugin started and left, even one in a session of its own.

    Returns how many there were. Each is stopped when it is seen, so that it has no children meanwhile, and one that
    ends before it is seen may have had some: then the new ones are inspected again, until a pass finds nothing.
    """
    import psutil

    ended: set[int] = set()
    others: set[int] = set()
    for _round in range(ROUNDS):
        caught, restless = [], False
        for pid in reversed(psutil.pids()):
            if pid in others:
                continue
            marked = _is_marked(pid, token)
            if marked and _signal(pid, "suspend"):
                caught.append(pid)
            else:
                others.add(pid)
                restless |= marked is not False
        ended.update(pid for pid in caught if _signal(pid, "kill"))
        if not caught and not restless:
            break
    return len(ended)


def _is_marked(pid: int, token: str) -> bool | None:
    """Return whether a process has a run's mark; None when it has ended or is about to, or never had an environment."""
    import psutil

    try:
        seen = psutil.Process(pid)
        environment = seen.environ()
        if environment.get(MARK) == token and supervised.START in seen.cmdline():
            return None  # what watched the plugin, and ends with it
    except psutil.AccessDenied:
        return False  # another user's
    except (psutil.Error, OSError):
        return None
    return environment.get(MARK) == token if environment else None


def _signal(pid: int, act: str) -> bool:
    import psutil

    try:
        getattr(psutil.Process(pid), act)()
    except (psutil.Error, OSError):
        return False
    return True
