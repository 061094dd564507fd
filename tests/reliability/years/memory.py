"""The commands of an installer on a host in memory, by the steps of the protocol."""

from __future__ import annotations

from tests.reliability.years.must import BEHIND, FAILED, HOST, INSTALL, INSTALLING, KILLED, OK, UNTRUSTED, WRONG
from tests.reliability.years.places import DAYS, NAMES, Said
from tests.reliability.years.protocol import FullError, Journal, KilledError, Protocol
from tests.reliability.years.versions import layout, trusts

STEPS = 16  # a few more than the longest command has
BESIDE = {name: f"{name}_beside" for name in ("write", "remove", "policy", "forget")}


class Memory(Protocol):
    """A host whose disk is this process's memory."""

    def template(self):
        return "settings\n"

    def run(self, op, must):
        """Do an operation, and what the next command of any kind does first."""
        self.steps, self.fault = [], None
        if op.fault and op.fault[0] != "space":
            self.fault = op.fault[0], op.fault[1] % STEPS
        try:
            code = self.command(op, must)
        except KilledError:
            code = KILLED
        except FullError:
            code = INSTALL
        self.fault = None
        self.resolve_interrupted()
        return Said(code, "", " ".join(self.steps))

    def command(self, op, must):
        if op.what in INSTALLING:
            return self.install(must.version_for(op), op, must)
        if op.what in ("rollback", "recover", "restore", "backup", "validate", "look") and not self.active():
            return HOST
        return getattr(self, BESIDE.get(op.what, op.what))(op, must)

    # -- commands ----------------------------------------------------------------------------------------------------

    def install(self, version, op, must):
        active = self.active()
        here = self.version(active)
        if not trusts(self.policy) or (version != here and version < max(must.floor, here)):
            return UNTRUSTED
        if must.days <= BEHIND and version not in self.seen().stored:
            return UNTRUSTED
        if not (version == here and not self.releases[active].hurt):
            if op.fault and op.fault[0] == "space":
                return HOST
            self.change("install", self.new_name(version), version, store=True)
        self.env = self.env if self.env is not None else self.template()
        self.memory = version if "MEMORY_GOES_DOWN" in self.left_out else max(self.memory, version)
        return OK

    def rollback(self, op, _must):
        target = self.back()
        if target is None:
            return HOST
        if not self.releases[target].hurt:
            self.change("rollback", target, self.version(target))
        elif op.fault and op.fault[0] == "space":
            return HOST
        else:
            self.change("rollback-repair", self.new_name(self.version(target)), self.version(target))
        return OK

    def recover(self, op, _must):
        active = self.active()
        if not self.releases[active].hurt:
            return OK
        if op.fault and op.fault[0] == "space":
            return HOST
        self.change("recover", self.new_name(self.version(active)), self.version(active))
        return OK

    def restore(self, op, must):
        if not self.backups:
            return WRONG
        data, env, known, _release = self.backups[must.chosen(op)]
        if known not in (None, layout(self.version(self.active()))):
            return HOST
        if op.fault and op.fault[0] == "space":
            return HOST
        self.back_up()
        self.beside = self.tree(dict(data))
        self.restored = env
        self.write("restore", self.active(), None, "incoming", self.beside.number)
        self.finish_restoring(self.journal or Journal("restore", self.active(), None, "incoming", self.beside.number))
        return OK

    def backup(self, op, _must):
        if op.fault and op.fault[0] == "space":
            return HOST
        self.back_up()
        return OK

    def uninstall(self, _op, _must):
        if not self.active():
            return HOST
        if self.data.data or self.env is not None:
            self.back_up()
        self.releases, self.aside, self.current, self.previous = {}, {}, None, None
        return OK

    def purge(self, _op, _must):
        had = self.active() or self.backups or self.data.data or self.env
        self.forget()
        return OK if had else HOST

    def validate(self, _op, _must):
        return FAILED if self.releases[self.active()].hurt else OK

    def look(self, _op, _must):
        return OK

    # -- beside the installer ----------------------------------------------------------------------------------------

    def write_beside(self, op, must):
        """The user writes a file."""
        self.data.data = {**self.data.data, NAMES[op.number % len(NAMES)]: f"{op.number}\n"}
        must.put(data=dict(self.data.data))
        return OK

    def remove_beside(self, op, must):
        """The user removes a file, or all of them."""
        names = sorted(self.data.data)
        gone = names if op.number % 5 == 4 else names[op.number % len(names) :][:1] if names else []
        self.data.data = {name: text for name, text in self.data.data.items() if name not in gone}
        must.put(data=dict(self.data.data))
        return OK

    def settings(self, op, must):
        if self.env is not None:
            self.env = f"TINY_API_KEY={op.number}\n"
            must.put(env=self.env)
        return OK

    def clock(self, op, must):
        must.days = DAYS[op.number % len(DAYS)]
        return OK

    def hurt(self, op, must):
        version = (must.facts.active, must.facts.back)[op.number % 2]
        for release in self.releases.values():
            if version and release.version == version:
                release.hurt = True
                must.put(hurt=must.facts.hurt | {version})
        return OK

    def damage(self, _op, _must):
        return OK  # of single files, which are none here

    def policy_beside(self, op, must):
        self.policy += 1 if op.number % 4 else 0
        must.policy = self.policy
        return OK

    def accept(self, _op, must):
        must.rebuilt = False
        return OK

    def forget_beside(self, op, must):
        if op.number % 3 == 2:
            self.memory = must.memory = 0
            must.rebuilt = True
        return OK
