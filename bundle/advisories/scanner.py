"""Running a scanner in its tools environment: a program of this tool calls it, with JSON as input and output.

It gets almost no environment variables of the caller, and an empty home: with stored credentials, it would contact a
server.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Interpreter:
    """The interpreter of a tools environment, and whether scanners write bytecode to that environment."""

    path: Path
    writes_bytecode: bool = False


@dataclass(frozen=True)
class Scanner:
    """How a scanner is run: its interpreter, its program, its folder and its time limit in seconds.

    ``program`` is the file of shared/programs/scanners that calls it, ``folder`` its home and working folder.
    """

    interpreter: Interpreter
    program: str
    folder: Path
    limit: float

    def ask(self, question: Mapping[str, Any], take: Callable[[Any], Answer], failure: str) -> Answer:
        """Run the scanner and return its answer as parsed by ``take``.

        If the scanner fails, raises ToolError with the message ``failure``, whose ``{reason}`` is filled in.
        """
        python = [str(self.interpreter.path), "-I", *(() if self.interpreter.writes_bytecode else ("-B",))]
        argv, reported = [*python, "-c", scripts.text(f"scanners/{self.program}")], json.dumps(question).encode()
        env = environment(self.folder)
        ended = process.run(argv, env=env, cwd=self.folder, timeout=self.limit, stdin=reported)
        answer = scripts.answer(ended.stdout)
        if not ended.ok or answer is None:
            reason = _("it timed out") if ended.timed_out else process.last_line(ended.stderr) or _("no message")
            raise ToolError(failure.format(reason=reason[:300]))
        try:
            return take(strict.parse(answer))
        except (ValueError, KeyError, TypeError) as error:
            raise ToolError(failure.format(reason=str(error)[:300])) from error


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a scanner: of the caller's variables, only those that a program needs to start."""
    passed = {name: os.environ[name] for name in PASSED_NAMES if name in os.environ}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP"), str(folder))
    return {**passed, **homes, "PATH": "", "PYTHONUTF8": "1"}
