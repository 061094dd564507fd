"""Faults at a chosen system call, injected by strace: for a program here, or in a host with ``through=``.

Each function gives a command prefix. Start the real interpreter behind it, not a shim: every process that the
prefix starts is traced, and a shim's calls would be counted. strace's own --seccomp-bpf is not used, because
with it the injection does not happen.
"""

from __future__ import annotations

import shutil
from functools import cache

from shared.processes import process
from tests.hosts import needs


def kill_at(syscall: str, nth: int) -> list[str]:
    """Return a prefix that kills the process which makes the ``nth`` (from 1) call of a kind; raises Unavailable.

    The killed program ends with signal 9, and the prefix with it. An ``nth`` beyond the program's last call
    changes nothing, so a loop over the points of a kill ends at the first run that succeeds.
    """
    return _injecting(syscall, f"signal=KILL:when={nth}")


def fail_at(syscall: str, error: str, nth: int, *, path: str | None = None) -> list[str]:
    """Return a prefix that makes the ``nth`` (from 1) call of a kind fail with ``error`` (ENOSPC); raises Unavailable.

    With ``path`` only calls that concern that file are counted.
    """
    return _injecting(syscall, f"error={error}:when={nth}", *(("-P", path) if path else ()))


def _injecting(syscall: str, what: str, *selection: str) -> list[str]:
    trace = [_strace(), "--follow-forks", "--quiet=all", "--output=/dev/null", f"--trace={syscall}"]
    return [*trace, *selection, f"--inject={syscall}:{what}", "--"]


@cache
def _strace() -> str:
    strace = needs.program("strace", package="strace")
    probe = process.run([strace, "--quiet=all", "--output=/dev/null", shutil.which("true") or "true"], timeout=30)
    if not probe.ok:
        raise needs.Unavailable(f"strace may not trace here: {probe.stderr[-200:]}", installable=False)
    return strace
