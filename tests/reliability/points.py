"""Where an operation can be hurt: every system call of it and its programs that changes something on disk."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.hosts import needs
from tests.reliability import world as worlds

KINDS = {
    "open": ("open", "openat", "creat"),
    "rename": ("rename", "renameat", "renameat2"),
    "link": ("link", "linkat"),
    "symlink": ("symlink", "symlinkat"),
    "unlink": ("unlink", "unlinkat", "rmdir"),
    "mkdir": ("mkdir", "mkdirat"),
    "sync": ("fsync", "fdatasync", "syncfs"),
    "write": ("write", "pwrite64", "copy_file_range", "sendfile"),
    "mode": ("chmod", "fchmod", "fchmodat"),
    "truncate": ("truncate", "ftruncate"),
}
KIND_OF = {call: kind for kind, calls in KINDS.items() for call in calls}
TRACE = "--trace=" + ",".join(f"?{call}" for call in KIND_OF)
CALL = re.compile(r"(?:(\d+) +)?(\w+)\((.*)")
CHANGES = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|O_TRUNC")


@dataclass(frozen=True)
class Point:
    """The nth call of a kind in one process (0: the installer) of an operation."""

    operation: str
    program: int
    call: str
    nth: int

    @property
    def kind(self):
        return KIND_OF[self.call]

    def command(self, what):
        """Return the command that does ``what`` (``signal=KILL``) to the process at this point."""
        follow = ["--follow-forks"] if self.program else []
        inject = f"--inject={self.call}:{what}:when={self.nth}"
        return [strace(), *follow, "--quiet=all", "--output=/dev/null", f"--trace={self.call}", inject, "--"]


def strace():
    return needs.program("strace", package="strace")


def count(world, operation, place):
    """Run an operation to its end and return its points."""
    prefix = world.start(operation, place)
    counts = place / "counts"
    counts.mkdir()
    base = [strace(), "--quiet=all", "--decode-fds=path", "--string-limit=4096", TRACE]
    spec = {
        "trust": trust_of(place),
        "programs": {"*": [*base, "--follow-forks", f"--output={counts}/{{number}}", "--"]},
    }
    before = [*base, f"--output={counts}/0", "--"]
    ended = worlds.hurt(world.argv(operation, prefix.root), spec, before)
    assert ended.ok, ended
    found = []
    for path in sorted(counts.iterdir(), key=lambda path: int(path.name)):
        found += _points(operation, int(path.name), path.read_text(errors="replace").splitlines(), str(place))
    return found


def trust_of(place):
    folder = place / "trust"
    folder.mkdir()
    return str(folder)


def _points(operation, program, lines, place):
    """Return the calls of one process that change something below the place."""
    counts: dict[Any, int] = defaultdict(int)
    seen: dict[Any, Any] = {}
    for line in lines:
        matched = CALL.match(line)
        if not matched or matched[2] not in KIND_OF:
            continue
        thread, call, rest = matched[1], matched[2], matched[3]
        counts[thread, call] += 1
        kind = KIND_OF[call]
        concerned = rest.partition(",")[0] if kind in ("write", "sync", "truncate") else rest
        if place not in concerned or f"{place}/counts" in rest or (kind == "open" and not CHANGES.search(rest)):
            continue
        point = Point(operation, program, call, counts[thread, call])
        seen.setdefault(point)
    return list(seen)


def sample(points, most):
    """Return at most so many points, the same number for each operation and kind where there are enough."""
    groups = defaultdict(list)
    for point in points:
        groups[point.operation, point.kind].append(point)
    chosen, left = [], most
    for rest, group in zip(range(len(groups), 0, -1), sorted(groups.values(), key=len)):
        share = min(len(group), left // rest)
        step = len(group) / share if share else 0
        chosen += [group[int((index + 0.5) * step)] for index in range(share)]
        left -= share
    return chosen
