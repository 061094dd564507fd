"""What must hold of a host, in a few facts: the active version, where the way back leads, what the user's files are.

Nothing here knows of releases, journals or stores. ``after`` tells what an operation comes to: the exit codes that it
may have, and the facts that may hold then, the likeliest last.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.reliability.years.versions import SHIPPED, counter, layout, shipped, trusts

BEHIND = -400  # days: the clock is before the day on which the bundles were made
INSTALLING = ("newer", "delta", "same", "forward", "older")
OK, FAILED, WRONG, UNTRUSTED, HOST, INSTALL, KILLED = 0, 1, 2, 3, 4, 5, -9


class Op(NamedTuple):
    """One operation: what, a number that chooses among what there is, and the fault that hits it.

    A fault is a kind (``kill``: SIGKILL, ``full``: no space from there on, ``space``: none at all) and where.
    """

    what: str
    number: int = 0
    fault: tuple[str, int] | None = None


@dataclass(frozen=True)
class Saved:
    """What a backup holds."""

    data: dict
    env: str | None
    layout: int | None


@dataclass(frozen=True)
class Facts:
    """What must hold: versions (0: none), the user's files by path, and those that wait, by their layout."""

    active: int = 0
    back: int = 0
    data: dict = field(default_factory=dict)
    waiting: dict = field(default_factory=dict)
    env: str | None = None
    hurt: frozenset = frozenset()

    def matches(self, seen):
        """Return what is not as it must be, "" for nothing."""
        reported = {name: (getattr(self, name), getattr(seen, name)) for name in ("active", "back", "data", "env")}
        reported["hurt"] = self.hurt, seen.hurt & {self.active, self.back}
        return "; ".join(f"{name} is {is_!r}, not {must!r}" for name, (must, is_) in reported.items() if must != is_)


class Expected(NamedTuple):
    codes: frozenset
    facts: tuple


def laid(data, version):
    """Return data with what a version ships laid beside them, never over them."""
    text, names = shipped(version), [name for name in data if name.partition(".new-")[0] == SHIPPED]
    if SHIPPED in data and any(data[name] == text for name in names):
        return data
    name = SHIPPED if SHIPPED not in data else f"{SHIPPED}.new-{counter(version)}"
    return data if name in data else {**data, name: text}


def migrated(data, version):
    return {**data, "layout.txt": str(layout(version))}


class Must:
    """The facts of a host, and what is known beside them."""

    def __init__(self, template):
        self.facts = Facts()
        self.template = template  # the settings that a first installation leaves to be filled in
        self.memory = self.logged = self.policy = self.days = 0
        self.rebuilt = False
        self.is_spoilt = False  # the way back may be damaged beyond what this host has for it
        self.backups, self.names = {}, set()
        self.newest = 0  # version that was ever made

    @property
    def floor(self):
        """The version below which nothing is accepted."""
        shown = max(self.logged, self.facts.active, self.facts.back)
        return max(self.memory, shown if self.rebuilt or not self.memory else 0)

    def put(self, **changes):
        """Take over what the user or a disk changed."""
        self.facts = replace(self.facts, **changes)

    # -- what comes next ---------------------------------------------------------------------------------------------

    def version_for(self, op):
        """Return the version that an installation brings."""
        here = self.facts.active
        if op.what == "older":
            return max(1, max(here, self.floor) - 1 - op.number % 3)
        if op.what == "same":
            return here or max(1, self.floor)
        if op.what == "forward":
            return max(here, self.facts.back) or max(1, self.floor)
        return max(self.newest, self.floor) + 1 + op.number % 2

    def after(self, op, kept=()):
        """Return what an operation comes to. ``kept`` are the versions that the host keeps."""
        now = self.facts
        codes, then = self._plainly(op, kept)
        then = then or now
        if self.is_spoilt and op.what == "rollback":
            return Expected(frozenset({*codes, HOST, INSTALL, KILLED}), (now, then))
        if op.fault is None:
            return Expected(frozenset(codes), (then,) if codes != {OK, UNTRUSTED} else (now, then))
        if op.fault[0] == "kill":
            return Expected(frozenset({KILLED, *codes}), (self._killed(then), now, then))
        found = {"full": {*codes, HOST, INSTALL}, "space": {HOST, *codes}}[op.fault[0]]
        return Expected(frozenset(found), (self._killed(then), now, then))

    def _killed(self, then):
        """Return the facts where a run that counts had not come to write the first settings."""
        return replace(then, env=self.facts.env)

    def _plainly(self, op, kept):
        now, what = self.facts, op.what
        if what in INSTALLING:
            return self._install(self.version_for(op), kept)
        if not now.active:
            return self._without_any(op)
        if what == "rollback":
            return ({OK}, self._rolled_back()) if now.back else ({HOST}, None)
        if what == "recover":
            return ({OK, FAILED} if now.back in now.hurt else {OK}), self._mended()
        if what == "restore":
            return self._restored(op)
        if what in ("uninstall", "purge"):
            return {OK}, self._removed(what)
        if what == "validate":
            wrong = now.active in now.hurt
            return ({FAILED} if wrong else {OK, FAILED} if now.hurt else {OK}), None
        return {OK}, None  # a backup, a look

    def _install(self, version, kept):
        now = self.facts
        if not trusts(self.policy) or (version != now.active and version < max(self.floor, now.active)):
            return {UNTRUSTED}, None
        if self.days <= BEHIND and version not in kept:
            return {UNTRUSTED}, None
        env = self.template if now.env is None else now.env
        if version == now.active:
            return {OK}, replace(self._mended(), env=env)
        lost = self.rebuilt and not self.floor  # nobody knows what was accepted, and whether garbage is all there is
        return ({OK, UNTRUSTED} if lost else {OK}), replace(self._upgraded(version), env=env)

    def _upgraded(self, version):
        now, to = self.facts, layout(version)
        came_from = layout(now.active) if now.active else None
        waiting, data = now.waiting, now.data
        if to and came_from != to and (now.active or data):
            waiting = {**waiting, came_from: data}
            data = migrated(data, version) if data else data
        hurt = now.hurt & {now.active}
        return replace(now, active=version, back=now.active, data=laid(data, version), waiting=waiting, hurt=hurt)

    def _rolled_back(self):
        now = self.facts
        here, there = layout(now.active), layout(now.back)
        data, waiting = now.data, now.waiting
        if here != there:
            data, waiting = waiting[there], {**waiting, here: data}
        hurt = now.hurt - {now.back}
        return replace(now, active=now.back, back=now.active, data=data, waiting=waiting, hurt=hurt)

    def _mended(self):
        now = self.facts
        if now.active not in now.hurt:
            return now
        return replace(now, data=laid(now.data, now.active), hurt=now.hurt - {now.active})

    def _restored(self, op):
        if not self.backups:
            return {WRONG}, None
        saved = self.backups[self.chosen(op)]
        if saved.layout not in (None, layout(self.facts.active)):
            return {HOST}, None
        return {OK}, replace(self.facts, data=saved.data, env=saved.env)

    def chosen(self, op):
        """Return the name of the backup that is restored, that of none where there is none."""
        names = sorted(self.backups)
        return names[op.number % len(names)] if names else "none"

    def _removed(self, what):
        if what == "purge":
            return Facts()
        return replace(self.facts, active=0, back=0, waiting={}, hurt=frozenset())

    def _without_any(self, op):
        """Return what may happen where no release is active: refused, or nothing that matters."""
        then = self._removed(op.what) if op.what in ("uninstall", "purge") else None
        if op.what == "restore" and self.backups:
            saved = self.backups[self.chosen(op)]
            then = replace(self.facts, data=saved.data, env=saved.env)
        return {OK, FAILED, WRONG, HOST}, then

    # -- what came ---------------------------------------------------------------------------------------------------

    def settle(self, op, expected, code, seen):
        """Take over the facts that came true. Raises AssertionError where none of those that may hold does."""
        assert code in expected.codes, f"{op}: exit code {code}, not of {sorted(expected.codes)}"
        before = self.facts
        candidates = [*expected.facts, *([before] if not before.active else [])]
        wrong = [facts.matches(seen) for facts in candidates]
        assert "" in wrong, f"{op}: " + " | or ".join(dict.fromkeys(wrong))
        self.facts = [facts for facts, trouble in zip(candidates, wrong) if not trouble][-1]
        assert seen.memory >= self.memory, f"{op}: memory went down from {self.memory} to {seen.memory}"
        assert seen.policy >= self.policy, f"{op}: policy went down from {self.policy} to {seen.policy}"
        self.memory = seen.memory
        if self.facts.active > before.active or not self.facts.back:
            self.is_spoilt = False
        self.newest = max(self.newest, self.facts.active)
        if code == OK:
            self.logged = max(self.logged, self.facts.active)
        if op.what == "purge" and not self.facts.active:
            self.logged = 0
        saved = Saved(before.data, before.env, layout(before.active) if before.active else None)
        made = set(seen.backups) - self.names
        if op.what != "damage":  # what commands make meanwhile is of a state that is not known
            self.backups.update(dict.fromkeys(made, saved))
        self.names = set(seen.backups)
        self.backups = {name: self.backups[name] for name in seen.backups if name in self.backups}
