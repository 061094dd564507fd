"""The context of builds from source: settings, fetching, known resolutions, and how uv and its output are handled."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builder.fetch.credentials import redact
from builder.lock.build_lock import BuildLock
from builder.lock.export import uv_environment
from bundle.target import host_target
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from pathlib import Path

    from builder.fetch.fetching import Fetching
    from builder.project.project import UvSettings
    from bundle.target import Target

BUILD_TIME_LIMIT = 3600  # seconds, for one package
# variables that configure uv's indexes on this machine
_PASSED = re.compile(r"UV_(DEFAULT_)?INDEX|UV_(EXTRA_)?INDEX_URL|UV_FIND_LINKS|UV_INSECURE_HOST")
_REASON = re.compile(r"(?i)error|failed|fatal|no such|not found|unsatisfiable")


@dataclass(frozen=True)
class Workshop:
    """The context of every build: the project's uv settings, how files are fetched, and the known resolutions.

    ``given`` are the wheels that the user built elsewhere, ``limit`` is the time of one build in seconds.
    """

    settings: UvSettings
    fetching: Fetching
    record: BuildLock = field(default_factory=BuildLock)
    given: tuple[Path, ...] = ()
    limit: int = BUILD_TIME_LIMIT

    @property
    def logs(self) -> Path:
        """The folder for the output of builds that failed."""
        return self.fetching.cache.root / "build-logs"


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter on this machine: its path and its version (X.Y)."""

    path: str
    version: str


def interpreter_for(target: Target) -> Interpreter:
    """Return the interpreter to build with, which is the running one unless the target is for this platform.

    In that case it is one of the target's Python version, if uv finds one on this machine.
    """
    running = Interpreter(sys.executable, host_target().python)
    if str(target) != str(host_target()) or target.python == running.version:
        return running
    done = run_uv("python", "find", "--no-project", "--system", target.python, timeout=60.0)
    found = done.stdout.strip()
    return Interpreter(found, target.python) if done.ok and found else running


def run_uv(*arguments: str, timeout: float, cwd: Path | None = None) -> process.Completed:
    """Run uv with this machine's indexes and logins and return the result."""
    import uv

    passed = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    environment = {**uv_environment(os.environ), **passed}
    return process.run([uv.find_uv_bin(), *arguments], env=environment, cwd=cwd, timeout=timeout)


def last_reason(done: process.Completed) -> str:
    """Return the line of a program's stderr with the cause of its failure, without credentials."""
    if done.timed_out:
        return _("it timed out")
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    verdict = next((number for number, line in enumerate(lines) if line.startswith("error:")), len(lines))
    # first the output of the package's own build, then uv's or git's messages
    for part in (lines[:verdict], [line.removeprefix("cause: ") for line in lines[verdict:]]):
        telling = [line for line in part if _REASON.search(line)]
        if telling:
            return redact(telling[-1])
    return redact(lines[-1]) if lines else _("no message")
