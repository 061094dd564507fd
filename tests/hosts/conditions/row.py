"""What a condition of a host is: how it is brought about, which commands are tried under it, and how each must end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

HOME = "/home/operator"
PLACE = f"{HOME}/place"
MEDIUM = "/srv/medium"
PYTHON = ("/usr/bin/python3",)
OPERATOR, ROOT, STRANGER = "operator", "root", "4242"  # the last is in no table of users
INSTALL, STATUS, VALIDATE, ROLLBACK, RECOVER = "install", "status", "validate", "rollback", "recover"
BACKUP, UNINSTALL, VERIFY, DRY = "backup", "uninstall", "verify", "dry"


@dataclass(frozen=True)
class Ends:
    """How a command ends: its exit code, and words of what it writes."""

    code: int = 0
    words: str = ""


FINE = Ends()


@dataclass(frozen=True)
class Row:
    """A condition of a host.

    ``mounts`` and ``before`` are lines of sh that root runs in the host's namespace of this run alone, before and
    after ``prefix`` is there; they know $PLACE, $PREFIX, $MEDIUM. ``shim`` is what shim.py is told.
    ``start`` is ``both`` (two releases, settings and data) or ``empty``. ``after`` undoes what would hide
    from us what was left. ``alone`` keeps a row out of pairs; ``works`` is whether the application still runs.
    """

    id: str
    kind: str
    english: str
    korean: str
    ends: Mapping[str, Ends] = field(default_factory=lambda: {INSTALL: FINE})
    user: str = OPERATOR
    env: Mapping[str, str | None] = field(default_factory=dict)
    mounts: str = ""
    before: str = ""
    after: str = ""
    shim: Mapping[str, Any] = field(default_factory=dict)
    through: tuple[str, ...] = ()
    python: tuple[str, ...] = PYTHON
    place: str = PLACE
    medium: str = MEDIUM
    cwd: str = "/srv/here"
    start: str = "both"
    needs: tuple[tuple[str, str], ...] = ()  # programs of the machine that tests, and their packages
    alone: bool = False
    works: bool = True

    @property
    def prefix(self) -> str:
        return f"{self.place}/prefix"


SINGLE = ("user", "python", "place", "medium", "cwd", "start")  # what a run has one of


OWN_PLACE = "/tmp/place"  # where a row lays what it needs
COVERS_IT = re.compile(r"(?:\bmount\b[^;\n]*| in) /tmp(?:[ ;]|$)", re.MULTILINE)


def _is_covered(one: Row, other: Row) -> bool:
    """Tell whether a row hides what the other needs: by a filesystem that it mounts, or in the host's Python."""
    reported = repr(replace(one, ends={}))
    if {"terminal", "hangs_up"} & set(one.shim) and "termios" in other.before:
        return True  # the shim needs it for a terminal
    return OWN_PLACE in reported and COVERS_IT.search(f"{other.mounts}\n{other.before}") is not None


def pair(one: Row, other: Row) -> Row | None:
    """Return both conditions at once, or None where they exclude each other."""
    if _is_covered(one, other) or _is_covered(other, one):
        return None
    plain = Row("", "", "", "")
    chosen = {}
    for name in SINGLE:
        values = {getattr(row, name) for row in (one, other)} - {getattr(plain, name)}
        if len(values) > 1:
            return None
        chosen[name] = values.pop() if values else getattr(plain, name)
    shim = _together(one.shim, other.shim)
    if shim is None:
        return None
    return replace(
        one,
        id=f"{one.id} + {other.id}",
        ends={},
        env={**one.env, **other.env},
        mounts=f"{one.mounts}\n{other.mounts}",
        before=f"{one.before}\n{other.before}",
        after=f"{other.after}\n{one.after}",
        shim=shim,
        through=(*one.through, *other.through),
        needs=(*one.needs, *other.needs),
        works=False,
        **chosen,
    )


def _together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any] | None:
    found = dict(one)
    for name, value in other.items():
        if name in found and isinstance(value, Mapping):
            found[name] = {**found[name], **value}
        elif name in found and isinstance(value, tuple) and name != "terminal":
            found[name] = (*found[name], *value)
        elif name in found:
            return None
        else:
            found[name] = value
    used = [str(number) for key in ("closed", "broken", "stuck", "streams") for number in found.get(key, ())]
    in_terminal = "terminal" in found or "hangs_up" in found  # which begins a session of its own
    return None if len(used) > len(set(used)) or (in_terminal and "session" in found) else found
