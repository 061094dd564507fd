"""Pickles in folders of models, judged by picklescan in the tools environment; nothing is loaded or run.

A pickle is a program: what it imports shows what it can do. picklescan needs Python 3.11.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import strict
from bundle.advisories.safety import environment
from shared.errors import ToolError
from shared.files import trials
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from pathlib import Path

LEAST_PYTHON = (3, 11)
MARK = "ragtrace-answer "
SCRIPT = """
import json, logging, os, socket, sys

def refuse(*_arguments, **_more):
    raise OSError("no network here")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from picklescan.scanner import SafetyLevel, scan_file_path

# what picklescan cannot read it only logs, and counts as scanned
said = []
class Listener(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
log = logging.getLogger("picklescan")
log.handlers, log.propagate = [Listener(level=logging.WARNING)], False
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt")

def is_pickle(path):
    with open(path, "rb") as file:
        start = file.read(2)
    return path.lower().endswith(PICKLES) or (start[:1] == bytes([0x80]) and start[1:] <= bytes([5]))

def problem(path):
    del said[:]
    found = scan_file_path(path)
    broken = any("Invalid file" in text for text in said)
    unparsed = any("could not parse" in text for text in said) and is_pickle(path)
    return found, found.scan_err or broken or unparsed

root = json.load(sys.stdin)["folder"]
scanned, dangerous, suspicious, unread = 0, {}, {}, []
for folder, folders, names in os.walk(root, followlinks=True, onerror=lambda error: unread.append(error.filename)):
    for name in sorted(names):
        path = os.path.join(folder, name)
        relative = os.path.relpath(path, root)
        scanned += 1
        try:
            found, is_unread = problem(path)
        except Exception:
            unread.append(relative)
            continue
        if is_unread:
            unread.append(relative)
        for kinds, level in ((dangerous, SafetyLevel.Dangerous), (suspicious, SafetyLevel.Suspicious)):
            globals_of = sorted({f"{one.module}.{one.name}" for one in found.globals if one.safety == level})
            if globals_of:
                kinds[relative] = globals_of
answer = {"scanned": scanned, "dangerous": dangerous, "suspicious": suspicious, "unread": sorted(unread)}
sys.__stdout__.write("\\nragtrace-answer " + json.dumps(answer) + "\\n")
"""


@dataclass(frozen=True)
class Pickles:
    """What was found: files inspected, those that import what is dangerous or not known, those not readable."""

    scanned: int
    dangerous: dict[str, list[str]]
    suspicious: dict[str, list[str]]
    unread: tuple[str, ...]


def scan_folder(python: Path, folder: Path, *, limit: float) -> Pickles:
    """Inspect every file of a folder. ``limit`` is in seconds.

    Raises ToolError when picklescan cannot say, or when there is nothing to inspect.
    """
    with trials.scratch() as folder_of_its_own:
        ended = process.run(
            [str(python), "-I", "-B", "-c", SCRIPT],
            env=environment(folder_of_its_own),
            cwd=folder_of_its_own,
            timeout=limit,
            stdin=json.dumps({"folder": str(folder)}).encode(),
        )
    answer = next((line[len(MARK) :] for line in ended.stdout.splitlines() if line.startswith(MARK)), None)
    if not ended.ok or answer is None:
        lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
        reason = _("it timed out") if ended.timed_out else (lines[-1] if lines else _("no message"))
        raise ToolError(_("picklescan cannot be run: {reason}").format(reason=reason[:300]))
    try:
        found = strict.parse(answer)
        pickles = Pickles(found["scanned"], found["dangerous"], found["suspicious"], tuple(found["unread"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(_("picklescan cannot be run: {reason}").format(reason=str(error)[:300])) from error
    if not (pickles.scanned or pickles.unread):
        raise ToolError(_("picklescan cannot be run: {reason}").format(reason=_("there are no models")))
    return pickles
