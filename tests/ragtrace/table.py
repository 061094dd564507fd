"""What was done, how long it took, what the request promises of it, and what did not go as it should."""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Row:
    """One step: its wall time in seconds, the request's figure for it, and what was seen."""

    step: str
    seconds: float | None = None
    promised: str = ""
    note: str = ""
    failed: str = ""

    @property
    def seen(self) -> str:
        """What a table says of it, in one line."""
        return f"FAILED: {self.failed.splitlines()[0]}" if self.failed else self.note


@dataclass
class Table:
    """The rows of one run, and what it ran on."""

    application_commit: str
    model: str
    day: str = field(default_factory=lambda: datetime.now(timezone.utc).date().isoformat())
    machine: str = field(default_factory=lambda: f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, promised: str = "") -> Iterator[Row]:
        """Time a step and print its line; one that fails is told and does not stop the others."""
        row = Row(name, promised=promised)
        self.rows.append(row)
        started = time.monotonic()
        try:
            yield row
        except (AssertionError, OSError, KeyError, ValueError) as error:
            row.failed = f"{type(error).__name__}: {error}"[-2000:]
        if row.seconds is None:
            row.seconds = round(time.monotonic() - started, 2)
        print(line(row), flush=True)

    @property
    def failed(self) -> list[Row]:
        """The steps that did not go as they should."""
        return [row for row in self.rows if row.failed]

    def write(self, folder: Path) -> None:
        """Write table.json, and table.md for people."""
        (folder / "table.json").write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")
        head = f"Application commit {self.application_commit}; {self.model}; {self.machine}; {self.day}.\n\n"
        rows = [f"| {row.step} | {row.seconds:.2f} | {row.promised} | {row.seen} |\n" for row in self.rows]
        titles = "| step | seconds | the request | seen |\n|---|---:|---|---|\n"
        (folder / "table.md").write_text(head + titles + "".join(rows))


def line(row: Row) -> str:
    """Return a row as a line of the terminal."""
    promised = f" (the request: {row.promised})" if row.promised else ""
    said = f"FAILED: {row.failed}" if row.failed else row.note
    return f"{row.seconds:8.2f} s  {row.step}{promised}  {said}".rstrip()
