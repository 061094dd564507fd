"""Running parts of an installed release to see whether they work, without changing a byte of it."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import acceptance, process
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootstrap.bundle.manifest import Manifest
    from bootstrap.prefix import Prefix, Release

# the answer has a line of its own after a mark, because modules print while they are imported
MARK = "ragtrace-answer "
IMPORT = """
import importlib, json, sys, time
started = time.perf_counter()
try:
    importlib.import_module(sys.argv[1])
    reason = None
except BaseException as error:
    reason = f"{type(error).__name__}: {error}"
seconds = time.perf_counter() - started
sys.__stdout__.write("\\nragtrace-answer " + json.dumps([seconds, reason]) + "\\n")
sys.__stdout__.flush()
"""


@dataclass(frozen=True)
class Imported:
    """How an import went: seconds that it took, or None, and why it failed, or None."""

    seconds: float | None
    reason: str | None


def environment(release: Release, manifest: Manifest) -> dict[str, str]:
    """Return the application's environment with placeholders, under which no bytecode is written."""
    env = acceptance.trial_environment(release, manifest, acceptance.basic_environment())
    return {**env, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}


def run_python(release: Release, manifest: Manifest, arguments: Sequence[str], *, timeout: float) -> process.Completed:
    """Run the release's interpreter as the application would, in an empty folder."""
    argv = [str(release.python), *arguments]
    with tempfile.TemporaryDirectory(prefix="ragtrace-") as folder:
        return process.run(argv, env=environment(release, manifest), cwd=Path(folder), timeout=timeout)


def run_launcher(prefix: Prefix, manifest: Manifest, command: Sequence[str], *, timeout: float) -> process.Completed:
    """Run a command of PREFIX/bin as a user starts it, but with placeholders for all settings."""
    env = {**acceptance.basic_environment(), **manifest.application.environment.template, "HF_HUB_OFFLINE": "1"}
    argv = acceptance.launcher_argv(prefix, command[0], list(command[1:]))
    with tempfile.TemporaryDirectory(prefix="ragtrace-") as folder:
        return process.run(argv, env=env, cwd=Path(folder), timeout=timeout)


def try_import(release: Release, manifest: Manifest, module: str, *, timeout: float) -> Imported:
    """Import a module in a fresh interpreter of the release; a crash, exit or hang is a reason too."""
    ended = run_python(release, manifest, ["-c", IMPORT, module], timeout=timeout)
    answer = next((line for line in reversed(ended.stdout.splitlines()) if line.startswith(MARK)), None)
    if answer is None or not ended.ok:
        return Imported(None, ending(ended, timeout))
    seconds, reason = json.loads(answer[len(MARK) :])
    return Imported(None if reason else seconds, reason)


def ending(ended: process.Completed, timeout: float) -> str:
    """Return how a program that did not do its work ended, in words."""
    if ended.timed_out:
        return _("it did not end within {limit:.0f} s").format(limit=timeout)
    if ended.returncode < 0 and os.name == "posix":
        names = {number.value: number.name for number in signal.Signals}
        return _("it was ended by signal {name}").format(name=names.get(-ended.returncode, -ended.returncode))
    return _("it ended with exit code {code}: {last}").format(
        code=ended.returncode, last=acceptance.last_line(ended.stderr)
    )
