"""Running a scanner in its tools environment: a program of this tool in its interpreter, JSON in and out.

It gets no environment variable of the caller and an empty home: with stored credentials it would contact a server.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from bundle import strict
from shared.errors import ToolError
from shared.i18n import _
from shared.processes import process, scripts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PASSED_NAMES = ("SYSTEMROOT", "WINDIR", "NUMBER_OF_PROCESSORS")
Answer = TypeVar("Answer")


def ask(
    python: Path,
    program: str,
    question: Mapping[str, Any],
    take: Callable[[Any], Answer],
    failure: str,
    *,
    folder: Path,
    limit: float,
    write_bytecode: bool = False,
) -> Answer:
    """Run a scanner and return its answer as parsed by ``take``. ``limit`` is in seconds.

    ``program`` is the file of shared/programs/scanners that calls it, ``folder`` its home and working folder;
    ``write_bytecode`` lets it write bytecode to its environment. Raises ToolError with the text ``failure``, which
    has a placeholder for the reason, if the scanner fails.
    """
    options = ["-I"] if write_bytecode else ["-I", "-B"]
    argv, reported = [str(python), *options, "-c", scripts.text(f"scanners/{program}")], json.dumps(question).encode()
    ended = process.run(argv, env=environment(folder), cwd=folder, timeout=limit, stdin=reported)
    answer = scripts.answer(ended.stdout)
    if not ended.ok or answer is None:
        reason = _("it timed out") if ended.timed_out else process.last_line(ended.stderr) or _("no message")
        raise ToolError(failure.format(reason=reason[:300]))
    try:
        return take(strict.parse(answer))
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(failure.format(reason=str(error)[:300])) from error


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a scanner: of the caller's, only those that a program needs to start."""
    passed = {name: os.environ[name] for name in PASSED_NAMES if name in os.environ}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP"), str(folder))
    return {**passed, **homes, "PATH": "", "PYTHONUTF8": "1"}
