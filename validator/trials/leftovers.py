"""Finds the processes that a plugin left running, by a marker in their environment, and kills them."""

from __future__ import annotations

from shared.processes import supervised

MARK = "RAGTRACE_PLUGIN_RUN"  # environment variable that marks the processes of a plugin
ROUNDS = 1000  # maximum number of passes over the process list, about a millisecond each


def end(token: str) -> int:
    """Kill every process of this user that a plugin left running, even in another session, and return their number.

    Each one is suspended as soon as it is found, so that it cannot fork. A process that ends before it is found may
    have forked, so new processes are scanned again until a pass finds nothing.
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
    """Return whether a process has the marker of a run; None if it has ended, is about to, or has no environment."""
    import psutil

    try:
        seen = psutil.Process(pid)
        environment = seen.environ()
        if environment.get(MARK) == token and supervised.START in seen.cmdline():
            return None  # the supervisor of the plugin, which ends with it
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
