"""Running another program: with a time limit, both streams drained, output limited."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from shared import limits, troubles
from shared.errors import HostError, RagtraceError, ToolError
from shared.i18n import _
from shared.processes import ending, supervised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LOG = logging.getLogger("ragtrace")
OUTPUT_LIMIT = 4 << 20  # bytes stored of each stream; the rest is read and discarded
LOGGED = 32_768  # characters logged from the end of each stream of a failed program
COMMAND_LOGGED = 1_000  # characters; this tool's own programs are passed as one long argument
_running: dict[subprocess.Popen[bytes], int] = {}  # and the thread that waits for each


class Account(NamedTuple):
    """The account of a program that root starts for another user: IDs of user and groups, and home."""

    user: int
    group: int
    groups: tuple[int, ...]
    home: str


@dataclass(frozen=True)
class Completed:
    """The result of a program: its exit code (negative: the signal), its output, whether it timed out."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and not self.timed_out


class _Drain(threading.Thread):
    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.pipe = pipe
        self.stored = bytearray()
        self.start()

    def run(self) -> None:
        for block in iter(lambda: self.pipe.read1(65536), b""):  # type: ignore[attr-defined]
            room = OUTPUT_LIMIT - len(self.stored)
            if room > 0:
                self.stored += block[:room]

    def finish(self) -> None:
        # a grandchild may hold the pipe open after the child has ended
        self.join(2.0)
        if not self.is_alive():
            self.pipe.close()

    def text(self) -> str:
        return self.stored.decode("utf-8", "replace").replace("\r\n", "\n")


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """End a program and, on POSIX, everything in the process group that it leads."""
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS refuses the group of a program that has just ended
        process.kill()


def stop_all(thread: int | None = None) -> None:
    """End every program for which a thread of this process waits, or those of one thread.

    They lead sessions, so Ctrl-C does not reach them.
    """
    for process, waiting in tuple(_running.items()):
        if thread in (None, waiting):
            kill_tree(process)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float,
    stdin: bytes | None = None,
    account: Account | None = None,
    leftovers: bool = False,
) -> Completed:
    """Run a program to its end and return its result; a non-zero exit code is not an error.

    ``timeout`` is in seconds; when it expires, the program's whole process group is killed. With ``account``, the
    program has that user's rights and home, and none of root's. With ``leftovers``, the caller must end the processes
    that the program leaves running; without it, they are killed. Raises ToolError if the program cannot be started,
    HostError if this host allows no more programs.
    """
    streams = {"stdin": subprocess.DEVNULL if stdin is None else subprocess.PIPE}
    streams.update(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process, tie = _start(argv, alone=True, **streams, **_rights(env, cwd, account))
    drains: list[_Drain] = []
    _running[process] = threading.get_ident()
    try:
        timed_out = _wait(process, timeout, stdin, drains)
    finally:
        _running.pop(process, None)
        tie.cut(waited=leftovers and process.returncode is not None)  # else its leftover processes end too
        for drain in drains:
            drain.finish()
    stdout, stderr = (drain.text() for drain in drains)
    ended = Completed(tuple(argv), process.returncode, stdout, stderr, timed_out)
    if not ended.ok:
        _log(ended)
    return ended


def _rights(env: Mapping[str, str] | None, cwd: Path | None, account: Account | None) -> dict[str, Any]:
    """Return the options for a program's environment, working folder and account."""
    if account is None:
        return {"env": None if env is None else dict(env), "cwd": cwd}
    return {
        "env": {**(os.environ if env is None else env), "HOME": account.home},
        "folder": cwd,  # entered with that user's rights, because that user may have replaced it with a link
        "user": account.user,
        "group": account.group,
        "extra_groups": account.groups,
    }


def _wait(process: subprocess.Popen[bytes], timeout: float, stdin: bytes | None, drains: list[_Drain]) -> bool:
    """Wait for the end of a program, whose output fills ``drains``; return whether it timed out and was killed."""
    try:
        drains += [_Drain(pipe) for pipe in (process.stdout, process.stderr) if pipe is not None]
        if stdin is not None:
            # in another thread, so that a program that does not read cannot exceed the time limit
            threading.Thread(target=_feed, args=(process, stdin), daemon=True).start()
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        kill_tree(process)
        process.wait()
        return True
    except BaseException:
        kill_tree(process)
        process.wait()
        raise
    return False


def _log(ended: Completed) -> None:
    """Write the output of a failed program to the log: an error quotes only its last line."""
    LOG.debug(
        "%s: %s\nstdout: %s\nstderr: %s",
        shlex.join(ended.argv)[:COMMAND_LOGGED],
        "timed out" if ended.timed_out else f"exit code {ended.returncode}",
        ended.stdout[-LOGGED:],
        ended.stderr[-LOGGED:],
    )


def attend(argv: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Let a program use this process's terminal until it ends, and return its exit code (negative: the signal).

    Signals that ask this process to end are forwarded. The program gets Ctrl-C twice, from the terminal and from here,
    because a SIGINT sent with ``kill``, which reaches only this process, must be forwarded too. There is no time limit,
    because a user is present. Raises ToolError if it cannot be started.
    """
    process, tie = _start(argv, alone=False, env=dict(env))
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt as asked:  # noqa: PERF203 - the wait is repeated
                if sys.platform != "win32":  # there the terminal signals all processes, and nothing else sends signals
                    process.send_signal(ending.number_of(asked))
    finally:
        tie.cut(waited=process.returncode is not None)


class _Loose(supervised.Tie):
    """The tie on Windows, where a job object ends the programs instead."""

    def cut(self, *, waited: bool = False) -> None:
        pass


def _start(argv: Sequence[str], *, alone: bool, **options: Any) -> tuple[subprocess.Popen[bytes], supervised.Tie]:
    """Start a program that does not outlive this process. Raises ToolError, or HostError if the host can start none."""
    try:
        if sys.platform == "win32":  # pragma: no cover - only there
            from shared import windows

            windows.keep_no_orphans()
            return subprocess.Popen(list(argv), **options), _Loose(-1)
        return supervised.start(argv, alone=alone, **options)
    except OSError as error:
        raise not_started(argv[0], error) from error


def not_started(program: str, error: OSError) -> RagtraceError:
    """Return the error for a program that could not be started, whether due to this host's limits or the program."""
    cause = troubles.cause_of(error, troubles.STARTING, near=program)
    if cause in troubles.LACKS:
        reason = troubles.reason(error)
        return HostError(
            _("This host cannot start another program ({program}): {reason}.").format(program=program, reason=reason),
            advice=limits.advice(),
        )
    kind = HostError if cause == "NO_NULL" else ToolError
    return troubles.trouble(error, troubles.STARTING, near=program, kind=kind)


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    try:
        with process.stdin:
            process.stdin.write(data)
    except OSError:
        pass  # it did not read its input (Windows reports EINVAL); its exit code is the reason


def last_line(text: str) -> str:
    """Return the last line that is not blank, or '' if there is none; usually the reason for a failure."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def checked(completed: Completed, what: str) -> Completed:
    """Return the result of a successful run, or raise ToolError with the last line that the program wrote."""
    if completed.timed_out:
        raise ToolError(_("{what} timed out and was stopped.").format(what=what))
    if completed.returncode:
        raise ToolError(
            _("{what} failed with exit code {code}: {reason}").format(
                what=what, code=completed.returncode, reason=last_line(completed.stderr) or _("no message")
            ),
            advice=_("See the log for the full output."),
        )
    return completed
