"""The commit protocol in memory, quick enough for thousands of operations: the steps of commit.pml by their names.

What the installer does, without a disk: releases, their marks, the journal, ``current``, the data and those that wait.
A kill comes after a step, a full disk in one; the next command undoes what is left, as transaction.py does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.reliability.years.must import laid, migrated
from tests.reliability.years.seen import Seen
from tests.reliability.years.versions import layout

INCOMING = "incoming"  # where data lie that become the user's


class KilledError(Exception):
    """The process ended after a step."""


class FullError(Exception):
    """A step failed for want of space."""


@dataclass
class Release:
    """A release: its version, which of its kind it is, and whether it has its mark."""

    version: int
    mark: bool = False
    hurt: bool = False


@dataclass
class Journal:
    command: str
    release: str
    former: str | None
    incoming: str | None = None
    tree: int = 0  # which tree comes in


@dataclass
class Tree:
    number: int
    data: dict = field(default_factory=dict)


class Protocol:
    """A host in memory; ``left_out`` is what a test breaks."""

    def __init__(self, left_out=()):
        self.left_out = left_out
        self.restored = None
        self.memory = self.policy = self.trees = 0
        self.steps, self.fault = [], None
        self.forget()

    def forget(self):
        """Make it a host on which nothing was ever installed."""
        self.releases, self.current, self.previous, self.journal = {}, None, None, None
        self.data, self.beside, self.aside = self.tree({}), None, {}
        self.env, self.backups, self.made = None, {}, 0

    def tree(self, data):
        self.trees += 1
        return Tree(self.trees, data)

    # -- a step, after which a kill may come, and in which the disk may be full --------------------------------------

    def do(self, name, change=lambda: None):
        if self.fault == ("full", len(self.steps)):
            self.fault = None
            raise FullError(name)
        self.steps.append(name)
        change()
        if self.fault == ("kill", len(self.steps) - 1):
            raise KilledError(name)

    def put(self, **values):
        vars(self).update(values)

    # -- what is there -----------------------------------------------------------------------------------------------

    def version(self, name):
        return self.releases[name].version if name in self.releases else 0

    def active(self):
        return self.current if self.current in self.releases and self.releases[self.current].mark else None

    def whole(self):
        return [name for name, release in self.releases.items() if release.mark]

    def back(self):
        """Return where a rollback goes (retention.previous)."""
        others = [name for name in self.whole() if self.version(name) != self.version(self.active())]
        remembered = self.version(self.previous)
        if "KEEP_LAST" in self.left_out:
            return self.previous if self.previous in self.whole() and self.previous != self.active() else None
        if self.previous in others:
            return self.previous
        same = [name for name in others if self.version(name) == remembered]
        return max(same or others, key=self.order, default=None)

    def order(self, name):
        return self.version(name), int(name.partition("-r")[2])

    def pinned(self):
        for _data, _env, _layout, release in reversed(self.backups.values()):
            if release in self.whole() and self.version(release) != self.version(self.active()):
                return release
        return None

    def waiting(self, name):
        """Return under which name the data of a release's version wait."""
        if name in self.aside:
            return name
        same = [other for other in self.aside if other.partition("-r")[0] == name.partition("-r")[0]]
        return same[-1] if same else None

    def seen(self):
        active = self.active()
        return Seen(
            active=self.version(active),
            back=self.version(self.back()) if active else 0,
            data=dict(self.data.data),
            env=self.env,
            memory=self.memory,
            policy=self.policy,
            backups=tuple(self.backups),
            stored=tuple(self.version(name) for name in self.whole()),
            hurt=frozenset(release.version for release in self.releases.values() if release.mark and release.hurt),
            files=len(self.releases) + len(self.aside) + len(self.backups),
            bytes=0,
        )

    def check(self, _must):
        """Raise unless nothing of a run is left, and no more than is needed is there."""
        assert self.journal is None
        assert self.beside is None
        assert self.current is None or self.active(), f"{self.current} is not whole"
        if self.active():
            assert set(self.releases) == {self.active(), *filter(None, (self.back(), self.pinned()))}, self.releases
            assert len(self.aside) < len(self.releases), f"data that nobody waits for: {list(self.aside)}"

    # -- the block of a change (transaction.py) ----------------------------------------------------------------------

    def write(self, command, release, former, incoming=None, tree=0):
        if "NO_JOURNAL" not in self.left_out:
            self.do("JOURNAL_WRITE", lambda: self.put(journal=Journal(command, release, former, incoming, tree)))

    def idle(self):
        if "NO_JOURNAL" not in self.left_out:
            self.do("JOURNAL_WRITE", lambda: self.put(journal=None))

    def place(self, where):
        return self.beside if where == INCOMING else self.aside.get(where)

    def exchange(self, entry):
        def swap():
            came = self.place(entry.incoming)
            if entry.incoming == INCOMING:
                self.beside = self.data
            else:
                self.aside[entry.incoming] = self.data
            self.data = came

        self.do("SWAP_OUT" if self.data.number == entry.tree else "SWAP_IN", swap)

    def swap_in(self, entry):
        forgets = entry and entry.command == "rollback" and "FORGETS_DATA" in self.left_out
        if entry and entry.incoming and self.data.number != entry.tree and not forgets:
            self.exchange(entry)

    def swap_out(self, entry):
        if entry and entry.incoming and self.data.number == entry.tree and "NO_SWAP_OUT" not in self.left_out:
            self.exchange(entry)
        if entry and entry.incoming == INCOMING:
            self.beside = None

    def keep_previous(self, entry):
        left = self.place(entry.incoming) if entry.incoming else None
        if left is None or entry.incoming == entry.former:
            return

        def move():
            if entry.former is not None:
                self.aside[entry.former] = left
            if entry.incoming == INCOMING:
                self.beside = None
            else:
                del self.aside[entry.incoming]

        if entry.former is None:
            self.beside = None
        else:
            self.do("KEEP_PREVIOUS", move)

    def remember_previous(self, entry):
        if (
            entry.former
            and self.version(entry.former) == self.version(entry.release)
            and "KEEP_LAST" not in self.left_out
        ):
            return
        if entry.former != self.previous:
            self.do("REMEMBER_PREVIOUS", lambda: self.put(previous=entry.former))

    def complete_switch(self, entry):
        self.swap_in(entry)
        self.keep_previous(entry)
        self.remember_previous(entry)

    def remove(self, name):
        release = self.releases.get(name)
        if release is None:
            return
        if release.mark:
            self.do("UNMARK", lambda: setattr(release, "mark", False))
        self.do("REMOVE", lambda: self.releases.pop(name))

    def collect(self):
        active = self.active()
        wanted = {active, self.back(), self.pinned()} if active else set(self.whole())
        if "COLLECTS_THE_WAY_BACK" in self.left_out:
            wanted = {active}
        for name in [name for name in self.releases if name not in wanted]:
            self.remove(name)
        versions = {self.version(name) for name in wanted if name} - {self.version(active)}
        self.aside = {name: tree for name, tree in self.aside.items() if int(name.partition("-r")[0]) in versions}

    def finish_restoring(self, entry):
        self.swap_in(entry)
        self.env = self.restored
        self.idle()
        self.beside = None

    def resolve_entry(self, entry):
        if entry.command == "restore":
            self.finish_restoring(entry)
            return
        if self.active() != entry.release:
            self.swap_out(entry)
            if entry.command != "rollback":
                self.remove(entry.release)
        else:
            self.complete_switch(entry)
            if entry.command == "recover" and entry.former in self.releases and self.releases[entry.former].mark:
                self.do("UNMARK", lambda: setattr(self.releases[entry.former], "mark", False))
        self.collect()
        self.idle()

    def resolve_interrupted(self):
        if self.journal is not None:
            self.resolve_entry(self.journal)
        self.beside = None
        for name in [name for name in self.releases if not self.releases[name].mark]:
            self.remove(name)

    def back_up(self):
        self.made += 1
        active = self.active()
        known = layout(self.version(active)) if active else None
        self.backups[f"{self.made:05}"] = (dict(self.data.data), self.env, known, active)
        while len(self.backups) > 10:
            self.backups.pop(next(iter(self.backups)))

    # -- commands ----------------------------------------------------------------------------------------------------

    def new_name(self, version):
        numbers = [self.order(name)[1] for name in self.releases if self.version(name) == version]
        return f"{version}-r{max(numbers, default=0) + 1}"

    def change(self, command, release, version, *, store=False):
        """Build a release where it is not kept, make it current, and settle what follows."""
        previous = self.active()
        self.write(command, release, previous)
        if previous or self.data.data:
            self.back_up()
        entry = Journal(command, release, previous)
        try:
            due = layout(version) and (
                layout(self.version(previous)) != layout(version) if previous else self.data.data
            )
            if store and due:
                self.do("COPY_TREE", lambda: self.put(beside=self.tree(dict(self.data.data))))
                entry = Journal(command, release, previous, INCOMING, self.beside.number)
                self.write(command, release, previous, INCOMING, self.beside.number)
            if release not in self.releases:
                self.build(release, version, store=store, migrates=bool(entry.incoming))
            if command in ("rollback", "rollback-repair") and self.waiting(release):
                place = self.waiting(release)
                entry = Journal(command, release, previous, place, self.aside[place].number)
                self.write(command, release, previous, place, entry.tree)
            lays = command in ("install", "recover")
            before = dict(self.data.data)
            if lays:
                tree = self.place(entry.incoming) if entry.incoming else self.data
                tree.data = laid(tree.data, version)
            self.swap_in(entry)
            self.do("SET_CURRENT", lambda: self.put(current=release))
        except FullError:
            if not entry.incoming and self.current != release:
                self.data.data = before if "before" in locals() else self.data.data
            self.resolve_entry(entry)
            raise
        if command == "recover":
            self.do("UNMARK", lambda: setattr(self.releases[previous], "mark", False))
        self.complete_switch(entry)
        self.collect()
        self.idle()

    def build(self, release, version, *, store, migrates):
        if store:
            self.do("FILL_STORE")
        self.releases[release] = Release(version)
        self.do("STAGE_ENVIRONMENT")
        if migrates:
            tree = self.beside
            self.do("MIGRATE", lambda: setattr(tree, "data", migrated(tree.data, version) if tree.data else tree.data))
        self.do("SEAL")
        self.do("MARK_COMPLETE", lambda: setattr(self.releases[release], "mark", True))
