"""A scanner of the tools environment asked: a program of ours in its interpreter, JSON in and out.

It runs with no variable of the caller and an empty home: a stored credential would make it ask a server.
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

STORED = ("SYSTEMROOT", "WINDIR", "NUMBER_OF_PROCESSORS")
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
    """Return what ``take`` makes of a scanner's answer. ``limit`` is in seconds.

    ``program`` is the file of shared/programs/scanners that calls it, ``folder`` its home and where it runs;
    ``write_bytecode`` lets it add to its environment. Raises ToolError with the text ``failure``, which has a place
    for the reason, when it cannot say.
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
    """Return the variables of a scanner: nothing of the caller's but what a program needs to start."""
    stored = {name: os.environ[name] for name in STORED if name in os.environ}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP"), str(folder))
    return {**stored, **homes, "PATH": "", "PYTHONUTF8": "1"}
