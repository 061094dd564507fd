"""Kinds of damage × places of an installation × what is run next: ``python -m tests.reliability.spoil``.

Each command runs in a process of its own that is ended after 20 seconds: that is a hang. None may end with a
traceback or exit code 70; what matters must be noticed by validate, and mended by recover or refused with advice.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bootstrap import files
from bootstrap.console import show
from tests.reliability import matrix, victim
from tests.reliability import world as worlds

LIMIT = 20.0  # seconds
HUGE = 20 << 30  # bytes, none of them written
STRANGER = 12345
ADVICE = re.compile(r"error: .+\n  next: .+", re.DOTALL)


def _gone(path):
    files.remove_tree(path)


def _elsewhere(path):
    """Move a thing out of the prefix and lead to it: all that it held is there still, and not the tool's."""
    target = path.parents[len(path.parents) - 1 - len(Path(*path.parts[: path.parts.index("prefix")]).parts)] / "moved"
    if os.path.lexists(path):
        shutil.move(path, target)
    else:
        target.write_bytes(b"")
    path.symlink_to(target)


def _instead(make):
    def do(path):
        files.remove_tree(path)
        make(path)

    return do


def _socket(path):
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # a name of a socket has 108 bytes at most
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def _sparse(path):
    with path.open("wb") as file:
        file.truncate(HUGE)


def _mode(mode):
    return lambda path: os.chmod(path, mode)


KINDS = {
    "missing": _gone,
    "a folder": _instead(Path.mkdir),
    "a link to itself": _instead(lambda path: path.symlink_to(path.name)),
    "a link outside": _elsewhere,
    "a pipe": _instead(os.mkfifo),
    "a socket": _instead(_socket),
    "a link to a device": _instead(lambda path: path.symlink_to("/dev/zero")),
    "empty": _instead(Path.touch),
    "garbage": _instead(lambda path: path.write_bytes(os.urandom(3000))),
    "20 GB without a byte": _instead(_sparse),
    "mode 0000": _mode(0),
    "mode 4777": _mode(0o4777),
    "owned by another": lambda path: os.lchown(path, STRANGER, STRANGER),
}


def _site(prefix):
    return worlds.damaged_file(prefix.active())


def _paper(name):
    return lambda prefix: prefix.active().bundle / name


def _signature(prefix):
    return next(prefix.active().bundle.glob("SHA256SUMS.*.sig"))


def _second(name):
    return lambda prefix: next((prefix.state / "proofs").glob(f"*/{name}"))


def _object(kind):
    def find(prefix):
        entry = next(entry for entry in prefix.active().manifest().of_kind(kind) if entry.size)
        return prefix.store / entry.sha256[:2] / entry.sha256

    return find


def _of_root(name):
    return lambda prefix: prefix.root / name


def _of_release(name):
    return lambda prefix: prefix.active().path / name


PLACES = {
    **{name: _of_root(name) for name in ("state", "releases", "store", "store/sha256", "bin", "backups", "data")},
    **{
        f"state/{name}": _of_root(f"state/{name}")
        for name in ("lock", "journal.json", "previous", "unfinished", "measurements.json", "logs", "audit", "proofs")
    },
    **{f"state/{name}": _of_root(f"state/{name}") for name in ("audit/audit.jsonl", "advisories", "trust")},
    "state/advisories/advisories.zip": _of_root("state/advisories/advisories.zip"),
    "state/trust/memory.json": _of_root("state/trust/memory.json"),
    ".env": _of_root(".env"),
    "current": lambda prefix: prefix.current,
    "bin/tiny": _of_root("bin/tiny"),
    "the index of a backup": lambda prefix: next(prefix.backups.glob("*/index.json")),
    "the release": _of_release(""),
    **{name: _of_release(name) for name in ("receipt.json", "COMPLETE", "run.json", "launch.py", "venv/pyvenv.cfg")},
    **{name: _of_release(name) for name in ("interpreter", "command", "app/app.py", "models/tiny/weights.json")},
    "a module": _site,
    "a RECORD": lambda prefix: next(_site(prefix).parents[1].glob("tiny_lib-*.dist-info/RECORD")),
    "MANIFEST.json": _paper("MANIFEST.json"),
    "SHA256SUMS": _paper("SHA256SUMS"),
    "the kept zipapp": _paper("ragtrace-install.pyz"),
    "a signature": _signature,
    "the second MANIFEST.json": _second("MANIFEST.json"),
    "the second signature": _second("SHA256SUMS.*.sig"),
    "a kept wheel": _object("wheel"),
    "a kept source": _object("source"),
    "a kept model": _object("model"),
    "a folder of the store": lambda prefix: _object("wheel")(prefix).parent,
}
# what may be there and need not: nothing is damaged where it is missing or another's bytes
OPTIONAL = {
    *("state/unfinished", "state/measurements.json", "state/advisories", "state/trust"),
    *("state/advisories/advisories.zip", "state/trust/memory.json"),
}
WRITTEN_ANEW = {"state/lock", "state/logs", "state/previous", "state/journal.json"}  # by the next command
BYTES = {"missing", "empty", "garbage", "20 GB without a byte"}
RIGHTS = {"mode 0000", "mode 4777", "owned by another"}
EMPTY_FITS = {"backups", "state/logs"}  # a new folder is as good
THE_USERS = {".env", "data", "the index of a backup"}


@dataclass(frozen=True)
class Case:
    """A kind of damage at a place."""

    kind: str
    place: str

    def __str__(self):
        return f"{self.place}: {self.kind}"


@dataclass(frozen=True)
class Said:
    """How a command ended: its exit code (None: it hung), what it said, how long it took in seconds."""

    code: int | None
    out: str
    err: str
    seconds: float

    def trouble(self):
        """Return what no command may do."""
        if self.code is None:
            return "it hangs"
        if self.code == 70 or "Traceback" in self.out + self.err:
            return f"exit {self.code}: {(self.out + self.err)[-600:]}"
        if self.code not in (0, 1) and not ADVICE.search(self.err):
            return f"exit {self.code} without advice: {self.err[-300:]}"
        return ""


def cases():
    """Return every case that can be made."""
    found = []
    for place in PLACES:
        for kind in KINDS:
            if kind in RIGHTS and place in OPTIONAL:
                continue
            if kind == "missing" and place in OPTIONAL:
                continue
            found.append(Case(kind, place))
    return found


def bounded(argv):
    """Run a command in a fork of this process, which is ended when its time is over."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        child = os.fork()
        if not child:
            os.setsid()
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            code = 71
            try:
                said = worlds.run(argv)
                sys.stdout.write(said.out)
                sys.stderr.write(said.err)
                code = said.code
            except BaseException as error:  # noqa: BLE001 - as an operator would see it
                sys.stderr.write(f"Traceback: {error!r}")
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        code = None
        while time.monotonic() - began < LIMIT:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                break
            time.sleep(0.01)  # a bound on waiting, and nothing depends on it
        else:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
        return Said(code, *texts, time.monotonic() - began)


def hurt(prefix, case):
    """Do a damage to a prefix."""
    path = PLACES[case.place](prefix)
    path.parent.mkdir(parents=True, exist_ok=True)
    above = path.parent.stat().st_mode
    path.parent.chmod(above | 0o700)
    KINDS[case.kind](path)
    if os.path.lexists(path.parent):
        path.parent.chmod(above & 0o7777)


LOOKED_AT = ["--category", "RAGTrace", "--category", "Security", "--check", "packages.record"]


def matters(case):
    """Tell whether validate must notice a case, and whether recover must mend it."""
    is_fit = case.kind == "a folder" and (case.place in EMPTY_FITS or case.place in OPTIONAL)
    is_index = case.place == "the index of a backup" and case.kind == "missing"  # how a removal begins
    of_no_weight = case.place in OPTIONAL | WRITTEN_ANEW and case.kind in BYTES
    return case.kind not in RIGHTS and not (is_fit or is_index or of_no_weight)


def look(world, place, case, *, install=True):
    """Return what validate, recover, validate again, status and the next installation said, in this order."""
    prefix = world.start(worlds.ROLLBACK, place)
    victim.own_places(place / "trust")
    hurt(prefix, case)
    root = ["--prefix", str(prefix.root)]
    bundle = ["--bundle", str(world.bundle("new")), "--trust-key", str(world.key)]
    said = {
        "validate": bounded(["validate", *LOOKED_AT, *root]),
        "status": bounded(["status", *root]),
        "recover": bounded(["recover", "--yes", *bundle, *root]),
        "validate again": bounded(["validate", *LOOKED_AT, *root]),
    }
    if install:
        said["install"] = bounded(world.argv(worlds.UPGRADE, prefix.root))
    return prefix, said


def judge(world, place, case, *, install=True):
    """Return what is wrong with how a case ended."""
    _prefix, said = look(world, place, case, install=install)
    wrong = [f"{name}: {answer.trouble()}" for name, answer in said.items() if answer.trouble()]
    seen = said["validate"].code != 0 or "FAIL" in said["validate"].out or "WARN" in said["validate"].out
    if matters(case) and not seen:
        wrong.append("validate does not notice")
    if said["recover"].code == 0 and said["validate again"].code != 0:
        wrong.append(f"recover says 0, and validate then: {said['validate again'].out[-700:]}")
    if seen and "Nothing to repair" in said["recover"].out and case.place not in THE_USERS:
        wrong.append(f"recover finds nothing of: {said['validate'].out[-500:]}")
    return wrong, {name: answer.code for name, answer in said.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", action="append")
    parser.add_argument("--kind", action="append")
    parser.add_argument("--no-install", action="store_true")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    began, bad, codes = time.monotonic(), 0, Counter()
    with matrix.scratch() as folder:
        world = worlds.make(folder / "world")
        for case in cases():
            if (options.place and case.place not in options.place) or (options.kind and case.kind not in options.kind):
                continue
            wrong, ended = judge(world, folder / "place", case, install=not options.no_install)
            codes[json.dumps(ended)] += 1
            if options.show:
                show(f"{case}: {ended}")
            if wrong:
                bad += 1
                show("\n    ".join([f"BAD {case} {ended}", *wrong]))
    show(f"{sum(codes.values())} cases, {bad} bad, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
