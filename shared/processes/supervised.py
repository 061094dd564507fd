"""Programs that cannot outlive this process, on Linux and macOS.

A pipe ties each program to us: nothing is written into it, and the kernel closes it however we end. The program is
started by a few lines of Python (scripts/watch.py), which leave a watcher at the pipe's other end and then become the
program: its process ID, exit code, signals, streams and environment are as if we had started it ourselves. Windows has
job objects (shared/windows.py). PR_SET_PDEATHSIG does not serve: it signals the end of the thread that started a
program. docs/adr/0020 has the measurements.
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
    """Let every program that is started in this block keep a descriptor open as long as it lives."""
    _inherited.add(handle)
    try:
        yield
    finally:
        _inherited.discard(handle)


@dataclass(frozen=True)
class Tie:
    """Our end of the pipe that a program's life hangs on."""

    handle: int

    def cut(self, *, waited: bool = False) -> None:
        """End the watcher; unless the program was ``waited`` for, it ends what it watches."""
        if waited:
            with contextlib.suppress(OSError):
                os.write(self.handle, b".")
        os.close(self.handle)


def start(
    argv: Sequence[str], *, alone: bool, folder: Path | None = None, **options: Any
) -> tuple[subprocess.Popen[bytes], Tie]:
    """Start a program that ends when we do; ``options`` are Popen's, of which ``cwd`` is entered with our rights.

    ``folder`` is entered with those of the program. ``alone`` gives it a session of its own, all of whose group is
    killed; else it shares our terminal, and is asked to end (SIGTERM). Raises OSError as Popen does.
    """
    env = options.get("env")
    path = _found(argv[0], os.environ if env is None else env)
    watched, handle = os.pipe()
    read, reported = os.pipe()
    answer = open(read, "rb")  # noqa: SIM115 - closed where it is read
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
    """Return why what was started did not become the program; nothing, at the moment when it did."""
    try:
        with answer:
            return answer.read()
    except BaseException:
        process.kill()
        _leave(process, handle)
        raise


def _leave(process: subprocess.Popen[bytes], handle: int) -> None:
    """Close all that leads to what did not become a program."""
    os.close(handle)
    with process:  # waits for it and closes its streams
        pass


def _found(program: str, env: Mapping[str, str]) -> str:
    """Return the path of a program, by PATH where it has no folder."""
    if os.path.dirname(program):
        return program
    found = shutil.which(program, path=env.get("PATH", os.defpath))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return found


def interpreter() -> str:
    """Return the interpreter that runs us, not that of an environment, which other users may have no way to."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)
