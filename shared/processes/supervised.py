"""Programs that cannot outlive this process, on Linux and macOS.

A pipe ties each program to this process: nothing is written to it while the program runs, and the kernel closes it
however this process ends. A short Python script (scripts/watch.py) starts the program: it leaves a watcher at the
pipe's other end and then executes the program in its own process (execve), so process ID, exit code, signals, streams
and environment are those of a program started directly. Windows has job objects (shared/windows.py). PR_SET_PDEATHSIG
is not suitable: it signals the end of the thread that started a program. docs/adr/0020 has the measurements.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from shared.processes import scripts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

START = scripts.text("scripts/watch")
_inherited: set[int] = set()


@contextlib.contextmanager
def inherited(handle: int) -> Iterator[None]:
    """Let every program started in this block inherit a descriptor, which stays open until that program ends."""
    _inherited.add(handle)
    try:
        yield
    finally:
        _inherited.discard(handle)


@dataclass(frozen=True)
class Tie:
    """This process's end of the pipe; the program ends when it is closed."""

    handle: int

    def cut(self, *, waited: bool = False) -> None:
        """End the watcher; it also ends the program, unless that was ``waited`` for."""
        if waited:
            with contextlib.suppress(OSError):
                os.write(self.handle, b".")
        os.close(self.handle)


def start(
    argv: Sequence[str], *, alone: bool, folder: Path | None = None, **options: Any
) -> tuple[subprocess.Popen[bytes], Tie]:
    """Start a program that is terminated when this process ends.

    ``options`` are passed to Popen; its ``cwd`` is entered with this process's rights, ``folder`` with the program's.
    If ``alone`` is true, the program runs in its own session and its whole process group is killed; otherwise it shares
    the terminal and receives SIGTERM. Raises OSError as Popen does.
    """
    env = options.get("env")
    path = _found(argv[0], os.environ if env is None else env)
    watched, handle = os.pipe()
    read, reported = os.pipe()
    answer = open(read, "rb")  # noqa: SIM115 - the reader closes it
    try:
        stored = tuple(_inherited)
        # PEP 538: an interpreter in the C locale sets LC_CTYPE, which the program would inherit
        coerced = "" if "LC_CTYPE" in (os.environ if env is None else env) else "coerced"
        facts = [str(watched), str(reported), "group" if alone else "one", coerced, path, ",".join(map(str, stored))]
        facts.append("" if folder is None else str(folder))
        process = subprocess.Popen(
            [interpreter(), "-I", "-S", "-B", "-X", "utf8", "-c", START, *facts, *argv],
            start_new_session=alone,
            pass_fds=(watched, reported, *stored),
            **options,
        )
    except BaseException:
        answer.close()
        os.close(handle)
        raise
    finally:
        os.close(watched)
        os.close(reported)
    refused = _refused(process, answer, handle)
    if refused:
        _leave(process, handle)
        number, _space, at = refused.partition(b" ")
        raise OSError(int(number), os.strerror(int(number)), str(folder) if at else argv[0])
    return process, Tie(handle)


def _refused(process: subprocess.Popen[bytes], answer: BinaryIO, handle: int) -> bytes:
    """Return the errno of a child process whose exec failed, with " folder" if its folder is the cause.

    Returns b"" as soon as the program has been executed.
    """
    try:
        with answer:
            return answer.read()
    except BaseException:
        process.kill()
        _leave(process, handle)
        raise


def _leave(process: subprocess.Popen[bytes], handle: int) -> None:
    """Reap a child process whose exec failed, and close our descriptors for it."""
    os.close(handle)
    with process:  # waits for it and closes its streams
        pass


def _found(program: str, env: Mapping[str, str]) -> str:
    """Return the path of a program, found in PATH if it has no folder."""
    if os.path.dirname(program):
        return program
    found = shutil.which(program, path=env.get("PATH", os.defpath))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return found


def interpreter() -> str:
    """Return the base interpreter of this process, not an environment's, which other users may be unable to run."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)
