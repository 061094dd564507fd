"""The log of a command that failed because of a bug: what it did before, and the traceback, for its developers."""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from builder.fetch.credentials import redact
from shared.errors import HostError
from shared.files import files, folders
from shared.terminal.console import complain

if TYPE_CHECKING:
    from pathlib import Path

LOG = logging.getLogger("ragtrace")
RECORDS = 10_000  # the last ones of a run
TOOL = "ragtrace-builder"


class BugLog(logging.Handler):
    """Holds the last records of a run in memory, and writes them to a file only on request."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.lines: deque[str] = deque(maxlen=RECORDS)
        LOG.addHandler(self)
        LOG.setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(redact(self.format(record)))

    def write(self) -> Path | None:
        """Write the records to a file that only this user can read, and return its path; None if that fails."""
        try:
            folder = folders.user_state(TOOL) / "logs"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}.log"
            files.write_atomic(path, "".join(f"{line}\n" for line in self.lines).encode("utf-8", "replace"), mode=0o600)
        except (OSError, HostError):
            return None
        return path

    def show(self) -> None:
        """Write the records, and name the file on stderr; if it cannot be written, show the records themselves."""
        path = self.write()
        for line in [f"  log: {path}"] if path else self.lines:
            complain(line)

    def close(self) -> None:
        LOG.removeHandler(self)
        super().close()
