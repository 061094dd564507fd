"""The installer's command line on a Windows host, which ends itself by TerminateProcess at a chosen point.

A point is the nth call of a kind that changes something below a folder, or the nth program that was started. Nothing
of the process runs after it, as when Task Manager ends it; its programs are left to whoever ends those.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from bootstrap import cli
from installer.change import transaction
from shared import windows
from tests.reliability import victim

CODE = 77
# audit events (PEP 578) → kind; which of their arguments are paths
EVENTS = {
    "os.rename": ("rename", 2),
    "os.remove": ("unlink", 1),
    "os.rmdir": ("unlink", 1),
    "os.mkdir": ("mkdir", 1),
    "os.link": ("link", 2),
    "os.chmod": ("mode", 1),
    "os.truncate": ("truncate", 1),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
PROGRAM = "program"


class Points:
    """Counts the points of a run, and ends it at one of them."""

    def __init__(self, place: str, target: tuple[str, int] | None) -> None:
        self.place, self.target = place.casefold(), target
        self.counted: Counter[str] = Counter()
        self.guard = threading.Lock()

    def reach(self, kind: str) -> None:
        with self.guard:
            self.counted[kind] += 1
            if self.target == (kind, self.counted[kind]):
                end()

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event: what it tells of has not been done yet."""
        if event == "open":
            path, mode, flags = arguments
            writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else int(flags) & WRITING
            if writes and self.is_inside(path):
                self.reach("open")
        elif event in EVENTS:
            kind, count = EVENTS[event]
            if any(map(self.is_inside, arguments[:count])):
                self.reach(kind)

    def is_inside(self, path: object) -> bool:
        return isinstance(path, (str, os.PathLike)) and os.fspath(path).casefold().startswith(self.place)


def commit_too_early() -> None:
    """Break the product: a release is made current before there is anything in it."""
    enter = transaction.Transaction.__enter__

    def entering(change: transaction.Transaction) -> transaction.Transaction:
        entered = enter(change)
        change.prefix.set_current(change.release)
        return entered

    transaction.Transaction.__enter__ = entering  # type: ignore[assignment]


def end() -> None:
    """End this process at once."""
    import _winapi

    _winapi.TerminateProcess(_winapi.GetCurrentProcess(), CODE)  # type: ignore[attr-defined] # Windows only


def watch(points: Points) -> None:
    """Let every point be reached: by audit events, and where there are none, by the functions themselves."""
    sys.addaudithook(points.audit)
    sync, start = os.fsync, subprocess.Popen.__init__

    def syncing(handle: int) -> None:
        points.reach("sync")
        sync(handle)

    def starting(self: subprocess.Popen[bytes], *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        points.reach(PROGRAM)  # it runs already

    os.fsync = syncing  # type: ignore[assignment]
    subprocess.Popen.__init__ = starting  # type: ignore[assignment]
    for name in ("move", "create_private", "make_private"):
        setattr(windows, name, _reaching(points, name, getattr(windows, name)))


def _reaching(points, name, act):
    def acting(*arguments):
        points.reach(name)
        return act(*arguments)

    return acting


def main(argv: list[str]) -> int:
    spec = json.loads(argv[0])
    points = Points(spec["place"], tuple(spec["target"]) if spec.get("target") else None)
    victim.own_places(Path(spec["trust"]))
    if spec.get("break"):
        commit_too_early()
    watch(points)
    code = cli.main(argv[1:])
    Path(spec["counts"]).write_text(json.dumps(points.counted))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
