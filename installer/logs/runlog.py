"""The log of a run: one JSON object per line, each with the run's identifier, to a file and to a collector.

Messages are in English, whatever the operator's language is, with an identifier that their values do not change.

The audit log records the same identifier. Values of the user's settings are never logged.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import stat
import sys
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import __version__
from shared.errors import HostError, RagtraceError
from shared.files import files, owners
from shared.i18n import Message, _, english, identifier
from shared.programs import app_launcher
from shared.terminal import console

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator

LOG = logging.getLogger("ragtrace")
RUN = uuid.uuid4().hex[:16]  # of this process
RETAINED_LOGS = 100
LEAST_SECRET = 6  # characters; shorter values are words that occur everywhere
HIDDEN = "***"
_NAME = re.compile(r"(?:([0-9]{6,})-)?[0-9]{8}T[0-9]{6}Z-[a-z-]+-[0-9a-f]{16}\.log")  # only these are pruned
_secrets: set[str] = set()
_first_lines: list[logging.LogRecord] = []  # of the run, and of one around it


def hide(values: Iterable[str]) -> None:
    """Hide values in every line that is written from now on."""
    _secrets.update(value for value in values if len(value) >= LEAST_SECRET)


def secrets_of(env_file: Path) -> list[str]:
    """Return the values in a settings file, both raw and parsed, or none if it cannot be read."""
    try:
        text = app_launcher.bytes_of(str(env_file)).decode("utf-8-sig", "replace").replace("\0", "")
    except OSError:
        return []
    lines = [line for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#")]
    settings, _wrong = app_launcher.read_env(text)
    read = [part for _line, _name, value in settings for part in (value, *value.splitlines())]
    return [*(line.partition("=")[2].strip() for line in lines), *read]


def without_secrets(text: str) -> str:
    """Return a string with every hidden value replaced."""
    for value in sorted(_secrets, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


class Lines(logging.Formatter):
    """Formats a record as a line; with a ``limit`` in bytes it is for a collector, and ASCII.

    RFC 5424 requires a BOM for UTF-8, which not all collectors expect.
    """

    def __init__(self, command: str, limit: int | None = None) -> None:
        super().__init__()
        self.command, self.limit = command, limit

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        entry: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "run": RUN,
            "command": self.command,
            "level": record.levelname,
            "message": without_secrets(_message(record)),
        }
        template = record.msg.template if isinstance(record.msg, Message) else record.msg if record.args else None
        if template is not None:
            entry["id"] = identifier(template)
        if hasattr(record, "audit_head"):
            entry["audit_head"] = record.audit_head
        if record.exc_info:
            entry["traceback"] = without_secrets(_in_english(self.formatException(record.exc_info), record.exc_info[1]))
        line = console.visible(json.dumps(entry, ensure_ascii=self.limit is not None))
        while self.limit is not None and len(line) > self.limit:
            longest = max(("message", "traceback"), key=lambda name: len(entry.get(name, "")))
            if not entry.get(longest):
                break
            half = len(entry[longest]) // 2
            # the end of a traceback contains the error
            entry[longest] = entry[longest][-half:] if longest == "traceback" and half else entry[longest][:half]
            line = console.visible(json.dumps({**entry, "cut": True}))
        return line


def _message(record: logging.LogRecord) -> str:
    """Return the message in English, whatever the operator's language is."""
    text, given = str(english(record.msg)), record.args
    if isinstance(given, tuple) and given:
        return text % tuple(english(value) for value in given)
    return text % given if given else text


def _in_english(text: str, error: BaseException | None) -> str:
    """Return a traceback in which the texts of an error and of its causes are in English."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, RagtraceError) and error.what:
            text = text.replace(error.what, error.english)
        error = error.__cause__ or error.__context__
    return text


class File(logging.FileHandler):
    """A new private log file; if the disk is full, the log ends without a traceback and the command continues."""

    def _open(self) -> io.TextIOWrapper:
        handle = files.open_own(Path(self.baseFilename), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        return os.fdopen(handle, "w", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        pass

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def begun() -> Iterator[None]:
    """Let every log that a run sends anywhere in the block begin with the same line, the tool's version."""
    text = f"ragtrace-install {__version__} begins"
    _first_lines.append(LOG.makeRecord(LOG.name, logging.INFO, __file__, 0, text, (), None))
    try:
        yield
    finally:
        _first_lines.pop()


def to_file(folder: Path, command: str) -> None:
    """Send the DEBUG log of this run to a new file in a folder that retains the newest hundred logs.

    Raises HostError if other users could change the folder or one above it; then no folder is created.
    """
    if sys.platform != "win32" and owners.first_problem(str(folder))[0]:
        raise HostError(_("Other users can change {path}.").format(path=folder))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = sorted((_order(path.name), path) for path in folder.iterdir() if _is_own(path))
    for _number, path in found[: 1 - RETAINED_LOGS]:
        path.unlink()
    number = found[-1][0][0] + 1 if found else 1
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    send_to(File(str(folder / f"{number:06d}-{stamp}-{command}-{RUN}.log"), encoding="utf-8"), Lines(command))


def _order(name: str) -> tuple[int, str]:
    """Return the sort key of a log, oldest first: its number, which old names lack, rather than its time."""
    matched = _NAME.fullmatch(name)
    return (int(matched[1]), "") if matched and matched[1] else (0, name)


def _is_own(path: Path) -> bool:
    """Return whether a file is a log that a run of this user wrote."""
    status = path.lstat()
    mine = sys.platform == "win32" or status.st_uid == os.geteuid()
    return mine and stat.S_ISREG(status.st_mode) and _NAME.fullmatch(path.name) is not None


def send_to(handler: logging.Handler, lines: Lines) -> None:
    """Send the DEBUG log of this run to a handler, and the first line, which was logged before."""
    handler.setFormatter(lines)
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG)
    for record in _first_lines[-1:]:
        handler.handle(record)


def end(handlers: Iterable[logging.Handler]) -> None:
    """Close the handlers of a run's log."""
    for handler in handlers:
        LOG.removeHandler(handler)
        handler.close()
