"""The real installer on a real disk: operations in this process, or in a child that a fault ends."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import sys
import traceback
from types import SimpleNamespace
from typing import Any

from installer.change import retention, transaction
from installer.layout import journal
from installer.layout.prefix import Prefix
from installer.release import settings
from installer.release.sealing import intact
from installer.trust import memory
from installer.userdata.backups import list_backups
from shared.files import files
from tests import tiny
from tests.reliability import invariants, victim
from tests.reliability import world as worlds
from tests.reliability.years import places
from tests.reliability.years.clock import moved
from tests.reliability.years.must import INSTALLING, OK
from tests.reliability.years.seen import Seen
from tests.reliability.years.versions import trusts, version_of

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "subprocess.Popen"}
GROWING = {"os.rename", "os.mkdir", "os.link", "os.symlink"}  # what a full disk refuses, beside new files
BUG = 70
MOST_FILES, MOST_BYTES = 600, 1_500_000  # three releases, ten backups, logs; the rest is this host's trust
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHECKED = ["--check", "ragtrace.release", "--check", "security.integrity"]
LOOKING = (["status"], ["history"], ["audit-log", "verify"])


class Disk:
    """A host in a folder: an installation, and what the host trusts and remembers."""

    def __init__(self, folder, versions):
        self.folder, self.versions = folder, versions
        self.prefix, self.trust = Prefix(folder / "prefix"), folder / "trust"
        files.remove_tree(folder)
        self.trust.mkdir(parents=True)
        victim.own_places(self.trust)

    def template(self):
        """Return the settings that a first installation leaves."""
        return "\n".join([*settings.env_lines(self.versions.full(1).manifest), ""])

    # -- operations --------------------------------------------------------------------------------------------------

    def run(self, op, must):
        """Do an operation; return what it said, the code of a killed one being -9."""
        if op.what in places.BESIDE:
            return places.BESIDE[op.what](self, op, must)
        argv = [*self.argv(op, must), "--prefix", str(self.prefix.root)]
        with moved(must.days):
            said = worlds.run(argv) if op.fault is None else hit(argv, *op.fault)
            if said.code != OK and op.what in ("uninstall", "purge") and op.fault and self.prefix.exists:
                said = worlds.run(argv)  # stopped half-way it is gone on with
            if said.code != OK and op.fault:  # what a full disk left of it goes with the next command
                worlds.run([*LOOKING[op.number % len(LOOKING)], "--prefix", str(self.prefix.root)])
        assert "Traceback" not in said.out + said.err, said.err
        return said

    def argv(self, op, must):
        """Return the command line of an operation."""
        trust = [] if must.policy else ["--trust-key", str(self.versions.key)]
        what, version = op.what, must.version_for(op)
        if what == "delta":
            return ["install", str(self.versions.delta(version, must.facts.active).folder), *trust]
        if what in INSTALLING:
            return ["install", str(self.versions.full(version).folder), *trust]
        if what == "recover":
            beside = op.number % 2 and must.facts.active and trusts(must.policy)
            bundle = ["--bundle", str(self.versions.full(must.facts.active).folder), *trust] if beside else []
            return ["recover", "--yes", *bundle]
        return {
            "rollback": ["rollback"],
            "restore": ["backup", "restore", must.chosen(op)],
            "backup": ["backup"],
            "uninstall": ["uninstall", "--yes"],
            "purge": ["uninstall", "--yes", "--purge"],
            "validate": ["validate", *CHECKED],
            "look": LOOKING[op.number % len(LOOKING)],
        }[what]

    # -- what is there -----------------------------------------------------------------------------------------------

    def seen(self):
        prefix, host = self.prefix, memory.read_folder(self.trust / "host").memory
        active, exists = prefix.active(), prefix.root.is_dir()
        whole = prefix.complete_releases()
        found = [path for path in self.folder.rglob("*") if not path.is_symlink() and path.is_file()]
        found = [path for path in found if path.parent != prefix.audit]  # which grows by a line for each command
        inodes = {path.stat().st_ino: path.stat().st_size for path in found}
        env = prefix.env_file.read_text() if prefix.env_file.is_file() else None
        counter = host.products.get(tiny.PRODUCT, 0)
        return Seen(
            active=version_of(active),
            back=version_of(retention.previous(prefix)) if exists and active else 0,
            data=data_of(prefix),
            env=env,
            memory=counter - tiny.COUNTER if counter else 0,
            policy=host.policy,
            backups=tuple(backup.name for backup in list_backups(prefix)),
            stored=tuple(version_of(release) for release in whole),
            hurt=frozenset(version_of(release) for release in whole if intact.damage(prefix, release)),
            files=len(found),
            bytes=sum(inodes.values()),
        )

    def check(self, must):
        """Raise unless the host is whole but for what was damaged, and nothing of a run is left."""
        prefix = self.prefix
        active = prefix.active()
        assert active is not None or prefix.named() is None, f"current names {prefix.named()}, which is not whole"
        if not prefix.exists:
            return
        assert journal.read(prefix) is None
        assert transaction.leftovers(prefix) == []
        said = worlds.run(["audit-log", "verify", "--prefix", str(prefix.root)])
        assert said.code == OK, said
        if active is None:
            return
        seen = self.seen()
        assert seen.hurt <= must.facts.hurt, f"damaged: {seen.hurt}"
        if not must.is_spoilt:
            invariants.check_clean(prefix)
        waiting = sorted(path.name for path in prefix.backups.glob("data-of-*"))
        assert seen.files <= MOST_FILES, seen.files
        assert seen.bytes <= MOST_BYTES, seen.bytes
        assert len(waiting) < len(prefix.complete_releases()), f"data that nobody waits for: {waiting}"


def data_of(prefix):
    """Return the user's files by their paths in the folder that the application writes into."""
    found = [path for path in prefix.data.rglob("*") if path.is_file()]
    return {path.relative_to(prefix.data).as_posix().partition("data/")[2]: path.read_text() for path in found}


# -- faults ------------------------------------------------------------------------------------------------------------


def hit(argv, kind, where):
    """Run a command in a child that a fault hits at the nth change that it makes; return what it said."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            disarm = arm(kind, where)
            try:
                said = worlds.run(argv)
            except BaseException:  # noqa: BLE001 - what escapes is the result
                said = worlds.Said(BUG, "", traceback.format_exc())
            disarm()
            with os.fdopen(writer, "wb") as file:
                pickle.dump((said.code, said.out, said.err), file)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        reported = file.read()
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return worlds.Said(-signal.SIGKILL, "", "")
    return worlds.Said(*pickle.loads(reported))


def arm(kind, where):
    """Let this process meet a fault; return what ends it."""
    if kind == "space":
        full: Any = SimpleNamespace(total=1 << 30, used=1 << 30, free=0)
        shutil.disk_usage = lambda path: full
        return lambda: None
    left, armed = where, os.getpid()

    def disarm():
        nonlocal armed
        armed = 0

    def watch(event, given):
        nonlocal left
        writes = event == "open" and isinstance(given[2], int) and given[2] & WRITING
        if not (writes or event in CHANGES) or os.getpid() != armed:
            return
        left -= 1
        if left < 0 and kind == "kill":
            os.kill(armed, signal.SIGKILL)
        if left < 0 and ((writes and given[2] & os.O_CREAT) or event in GROWING):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(given[0]))

    sys.addaudithook(watch)
    return disarm
