"""Runs parts of an installed release to test them, without changing a byte of it or of the user's data.

Commands run in a scratch prefix. If root installed for a service account, programs have that account's rights.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle import strict
from installer.layout import service_account
from installer.release import acceptance, launchers
from shared import reading
from shared.errors import ToolError
from shared.files import trees
from shared.i18n import _
from shared.processes import process, scripts, supervised
from shared.programs import app_launcher
from validator.check import ERROR, UncheckedError
from validator.trials import apart, scratch_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from installer.release.installation import Installation

SHELL = "/bin/sh"
TIME = scripts.text("scripts/time_program")


@dataclass(frozen=True)
class Took:
    """The seconds from a program's start to its end, and its peak memory in bytes, or None if unknown."""

    seconds: float
    peak: int | None


@dataclass(frozen=True)
class Imported:
    """The result of an import: the seconds that it took, or None, and the reason for its failure, or None."""

    seconds: float | None
    reason: str | None


def environment(installation: Installation) -> dict[str, str]:
    """Return the application's environment with placeholder settings, in which no bytecode is written.

    Raises UncheckedError if the release contains files that a program could wait on forever.
    """
    scratch_prefix.require_files(installation)
    env = launchers.trial_environment(installation, acceptance.basic_environment())
    return {**env, "PYTHONIOENCODING": "utf-8"}


def run_python(installation: Installation, arguments: Sequence[str], *, timeout: float) -> process.Completed:
    """Run the release's interpreter as the application would, in an empty folder."""
    argv, account = [str(installation.release.python), *arguments], service_account.account_of(installation.prefix.data)
    return service_account.run(argv, environment(installation), timeout=timeout, account=account)


def run_launcher(
    installation: Installation, command: Sequence[str], *, timeout: float, offline: bool = False
) -> process.Completed:
    """Run a command of PREFIX/bin as a user would, but with placeholders and scratch data.

    ``offline`` disables the network if the host permits it. Raises ToolError if the command cannot be started.
    """
    with scratch_prefix.create(installation) as scratch:
        argv, env = launcher(scratch, command)
        return run_in(scratch, argv, env=env, cwd=scratch_prefix.caller(scratch), timeout=timeout, offline=offline)


def run_in(scratch: Installation, argv: Sequence[str], *, offline: bool = True, **options: Any) -> process.Completed:
    """Run a program in a scratch prefix with the rights of its owner; ``options`` are those of ``process.run``.

    ``offline`` disables the network if the host permits it.
    """
    account = service_account.account_of(scratch.prefix.root)
    if offline:
        return apart.run(argv, account=account, **options)
    return process.run(argv, account=account, **options)


def run_program(
    installation: Installation, text: str, arguments: Sequence[str], *, timeout: float
) -> process.Completed:
    """Run this tool's own Python code as the application would: in its folder, with placeholders and scratch data.

    The network is disabled if the host permits it. Raises ToolError if the code cannot be started.
    """
    with scratch_prefix.create(installation) as scratch:
        argv = [str(scratch.release.python), "-c", app_launcher.PROGRAM, text, "program", *arguments]
        return run_in(scratch, argv, env=environment(scratch), cwd=scratch.release.app, timeout=timeout)


def time_launcher(
    installation: Installation, command: Sequence[str], *, timeout: float
) -> tuple[Took | None, process.Completed]:
    """Run a command like ``run_launcher``, offline; return its cost, or None if unknown, and the completed process."""
    with scratch_prefix.create(installation) as scratch:
        argv, env = launcher(scratch, command)
        if sys.platform != "win32":
            argv = [supervised.interpreter(), "-I", "-S", "-B", "-c", TIME, *argv]
        started = time.perf_counter()
        ended = run_in(scratch, argv, env=env, cwd=scratch_prefix.caller(scratch), timeout=timeout)
        seconds = time.perf_counter() - started
    if sys.platform == "win32":
        return Took(seconds, None), ended
    answer = answer_in(ended)
    return (Took(*answer) if answer else None), ended


def run_timing_imports(installation: Installation, command: Sequence[str], *, timeout: float) -> process.Completed:
    """Run a command like ``run_launcher``, offline and under ``-X importtime``."""
    with scratch_prefix.create(installation) as scratch:
        env = launchers.trial_environment(scratch, {**acceptance.basic_environment(), "HF_HUB_OFFLINE": "1"})
        argv, folder = launchers.trial_command(scratch, command)
        argv[1:1] = ["-X", "importtime"]
        cwd = folder or scratch_prefix.caller(scratch)
        return run_in(scratch, argv, env=env, cwd=cwd, timeout=timeout)


def forget(folder: Path) -> bool:
    """Ask the system to drop a folder's files from its cache, and return whether this system supports that."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for entry in trees.entries(str(folder)):
        if not entry.is_file(follow_symlinks=False):
            continue
        try:
            handle = reading.open_regular(entry.path)
        except OSError:
            continue
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return True


def answer_in(ended: process.Completed) -> Any:
    """Return the parsed answer in a program's output, or None if there is none. Raises UncheckedError if invalid."""
    answer = scripts.answer(ended.stdout)
    return None if answer is None else parsed(answer)


def parsed(answer: str) -> Any:
    """Parse an answer that was printed by the application's interpreter. Raises UncheckedError for invalid JSON."""
    try:
        return strict.parse(answer)
    except ValueError as error:
        raise UncheckedError(ERROR, _("its output cannot be read: {reason}").format(reason=error)) from error


def launcher(scratch: Installation, command: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return argv and environment of a command of a scratch prefix. Raises ToolError if it has no such launcher."""
    manifest = scratch.manifest
    argv = launchers.argv(scratch.prefix, manifest, command[0], command[1:])
    if not os.path.isfile(argv[0]):
        raise ToolError(_("{path} is missing.").format(path=f"bin/{os.path.basename(argv[0])}"))
    # run it through the shell, because a scratch folder outside the prefix may be on a filesystem mounted noexec
    if os.name == "posix" and os.path.dirname(argv[0]) == str(scratch.prefix.bin):
        argv = [SHELL, *argv]
    env = {**acceptance.basic_environment(), **manifest.application.environment.placeholders, "HF_HUB_OFFLINE": "1"}
    return argv, env


def try_import(installation: Installation, module: str, *, timeout: float) -> Imported:
    """Import a module in a fresh interpreter of the release; a crash, exit or timeout is also a failure reason."""
    try:
        ended = run_python(installation, ["-c", acceptance.IMPORT, json.dumps([module])], timeout=timeout)
    except ToolError as error:
        return Imported(None, error.what)
    answer = answer_in(ended)
    if answer is None or not ended.ok:
        return Imported(None, ending(ended, timeout))
    seconds, reason = answer[module]
    return Imported(None if reason else seconds, reason)


def ending(ended: process.Completed, timeout: float) -> str:
    """Return a description of how a program failed."""
    if ended.timed_out:
        return _("timed out after {limit:.0f} s").format(limit=timeout)
    if ended.returncode < 0 and os.name == "posix":
        names = {number.value: number.name for number in signal.Signals}
        return _("terminated by signal {name}").format(name=names.get(-ended.returncode, -ended.returncode))
    return _("exited with code {code}: {last}").format(code=ended.returncode, last=acceptance.last_line(ended.stderr))
