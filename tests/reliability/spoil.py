"""Kinds of damage × places of an installation × what is run next; tests.reliability.spoiling does them all.

Each command runs in a process of its own that is ended when its time is over: that is a hang. None may end with a
traceback or exit code 70; what matters must be noticed by validate, and mended by recover, with the bundle if need be.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import struct
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from installer.change import retention
from installer.release import receipt
from shared.files import files
from tests.reliability import victim
from tests.reliability import world as worlds

LIMIT = 120.0  # seconds, on a host that does much else
HUGE = 20 << 30  # bytes, none of them written
STRANGER = 12345
GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h
ADVICE = re.compile(r"error: .+\n  next: .+", re.DOTALL)


class NotThereError(Exception):
    """This kind of damage cannot be done at this place."""


def _gone(path):
    _require(os.path.lexists(path))
    files.remove_tree(path)


def _require(is_possible):
    if not is_possible:
        raise NotThereError


def _above(path):
    """Return the folder that the prefix lies in."""
    return next(folder for folder in path.parents if folder.name == "prefix").parent


def _elsewhere(path):
    """Move a thing out of the prefix and lead to it: all that it held is there still, and not the tool's."""
    target = _above(path) / "moved"
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


def _in_file(change):
    """Change a file where it lies."""

    def do(path):
        _require(stat.S_ISREG(_mode_of(path)) and path.lstat().st_size > 1)
        mode = stat.S_IMODE(_mode_of(path))
        path.chmod(0o600)
        change(path)
        path.chmod(mode)

    return do


def _mode_of(path):
    return os.lstat(path).st_mode if os.path.lexists(path) else 0


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _lengthen(path):
    with path.open("ab") as file:
        file.write(b"more\n")


def _second_name(path):
    _require(stat.S_ISREG(_mode_of(path)))
    os.link(path, _above(path) / "second")


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
    def do(path):
        _require(_mode_of(path) and not stat.S_ISLNK(_mode_of(path)) and stat.S_IMODE(_mode_of(path)) != mode)
        os.chmod(path, mode)

    return do


def _strangers(path):
    _require(_mode_of(path))
    os.lchown(path, STRANGER, STRANGER)


def immutable(path, *, on=True):
    """Let nobody change a file or folder, not even root, or end that."""
    kind = _mode_of(path)
    _require(stat.S_ISREG(kind) or stat.S_ISDIR(kind))
    handle = os.open(path, os.O_RDONLY)
    try:
        flags = struct.unpack("l", fcntl.ioctl(handle, GET_FLAGS, struct.pack("l", 0)))[0]
        wanted = flags | IMMUTABLE if on else flags & ~IMMUTABLE
        if wanted != flags:
            fcntl.ioctl(handle, SET_FLAGS, struct.pack("l", wanted))
    except OSError as error:
        raise NotThereError from error
    finally:
        os.close(handle)


KINDS = {
    "missing": _gone,
    "a folder": _instead(Path.mkdir),
    "a link to itself": _instead(lambda path: path.symlink_to(path.name)),
    "a link to nothing": _instead(lambda path: path.symlink_to("nothing")),
    "a link outside": _elsewhere,
    "a pipe": _instead(os.mkfifo),
    "a socket": _instead(_socket),
    "a link to a device": _instead(lambda path: path.symlink_to("/dev/zero")),
    "empty": _instead(Path.touch),
    "garbage": _instead(lambda path: path.write_bytes(os.urandom(3000))),
    "20 GB without a byte": _instead(_sparse),
    "cut": _in_file(lambda path: os.truncate(path, path.stat().st_size // 2)),
    "a bit flipped": _in_file(_flip),
    "longer": _in_file(_lengthen),
    "mode 0000": _mode(0),
    "mode 0644": _mode(0o644),
    "mode 0777": _mode(0o777),
    "mode 4755": _mode(0o4755),
    "owned by another": _strangers,
    "hard-linked elsewhere": _second_name,
    "immutable": immutable,
}


def _site(prefix):
    return worlds.damaged_file(prefix.active())


def _signed(name):
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


def _former(name):
    def find(prefix):
        release = retention.previous(prefix)
        _require(release)
        return worlds.damaged_file(release) if name == "a module" else release.path / name

    return find


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
    **{f"the former {name or 'release'}": _former(name) for name in ("", "COMPLETE", "receipt.json", "a module")},
    "a backup": lambda prefix: next(prefix.backups.glob("*/index.json")).parent,
    "the index of a backup": lambda prefix: next(prefix.backups.glob("*/index.json")),
    "the release": _of_release(""),
    **{name: _of_release(name) for name in ("receipt.json", "COMPLETE", "run.json", "launch.py", "venv/pyvenv.cfg")},
    **{name: _of_release(name) for name in ("venv", "venv/bin/python", "app", "app/app.py", "models", "bundle")},
    "models/tiny/weights.json": _of_release("models/tiny/weights.json"),
    "a module": _site,
    "a RECORD": lambda prefix: next(_site(prefix).parents[1].glob("tiny_lib-*.dist-info/RECORD")),
    "MANIFEST.json": _signed("MANIFEST.json"),
    "SHA256SUMS": _signed("SHA256SUMS"),
    "the kept zipapp": _signed("ragtrace-install.pyz"),
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
BYTES = {"missing", "empty", "garbage", "20 GB without a byte", "cut", "a bit flipped", "longer"}
RIGHTS = {"mode 0000", "mode 0644", "mode 0777", "mode 4755", "owned by another"}
FOLDERS_MAY_BE_LINKS = {
    *("state/logs", "state/audit", "state/proofs", "store", "store/sha256", "backups", "data", ".env"),
}
OWN_FOLDERS = {"state", "releases", "store", "store/sha256", "bin", "backups", "state/logs", "state/audit"}
PRIVATE = ("state/", "the second ", "a backup", "the index of")  # in folders that are their owner's alone
EMPTY_FITS = {"backups", "state/logs"}  # a new folder is as good
THE_USERS = {".env", "data", "a backup", "the index of a backup"}
# no repair rewrites what was logged or accepted, or makes up advisories: the advice is what to compare, or to bring
EVIDENCE = {
    *("state/audit", "state/audit/audit.jsonl", "state/trust/memory.json", "state/advisories/advisories.zip"),
}
TOOLS = ("rollback", "install", "upgrade", "uninstall")


@dataclass(frozen=True)
class Case:
    """A kind of damage at a place."""

    kind: str
    place: str
    tool: str = "recover"  # what is run on it

    def __str__(self):
        return f"{self.place}: {self.kind}: {self.tool}"


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
    """Return every case that can be made: each damage with recover, and with one of the others in turn."""
    found = []
    for kind in KINDS:
        for place in PLACES:
            found.append(Case(kind, place))
            found.append(Case(kind, place, TOOLS[len(found) // 2 % len(TOOLS)]))
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
        said, complained = texts
        return Said(code, said, complained, time.monotonic() - began)


def hurt(prefix, case):
    """Do a damage to a prefix."""
    path = PLACES[case.place](prefix)
    path.parent.mkdir(parents=True, exist_ok=True)
    above = path.parent.stat().st_mode
    path.parent.chmod(above | 0o700)
    KINDS[case.kind](path)
    if os.path.lexists(path.parent):
        path.parent.chmod(above & 0o7777)


LOOKED_AT = ["--full", "--category", "RAGTrace", "--category", "Security", "--check", "packages.record"]


def of_no_weight(case):
    """Return why a damage need not be noticed, "" where it must be."""
    if case.kind == "a folder" and case.place in EMPTY_FITS | OPTIONAL:
        return "an empty folder is as good"
    if case.place in OPTIONAL | WRITTEN_ANEW and case.kind in BYTES:
        return "the next command writes it anew"
    if case.kind in ("hard-linked elsewhere", "immutable"):
        return "bytes, owner and rights are the same"
    if case.kind == "a link outside" and case.place in OPTIONAL | WRITTEN_ANEW | FOLDERS_MAY_BE_LINKS:
        return "these folders may lie elsewhere"
    if case.kind == "owned by another" and case.place in ("current", "venv/bin/python"):
        return "the owner of a link can change nothing of it"
    if case.kind == "mode 4755" and case.place in {*OWN_FOLDERS, "a folder of the store"}:
        return "on a folder it means nothing"
    if case.kind in RIGHTS and (case.place.startswith(PRIVATE) or case.place in OPTIONAL):
        return "nobody but the owner comes through the folder above, and root passes every mode"
    if case.kind in RIGHTS and case.place in (".env", "data"):
        return "they may be of the account that the application runs as, with the rights that it was given"
    return ""


def noticed(said):
    """Tell whether a validation names anything."""
    return said.code != 0 or "FAIL" in said.out or "WARN" in said.out


@dataclass
class Outcome:
    """How a case ended: what each command came to, what is wrong with it, whether it was seen and what mended it."""

    case: Case
    codes: dict
    wrong: list
    seen: bool = False
    repaired: str = ""  # "here", "bundle", or "advice" where no repair may decide
    said: str = ""

    def row(self):
        return {**asdict(self.case), **{name: value for name, value in vars(self).items() if name != "case"}}


def begin(world, start, place):
    """Make a prefix with the memory of what it accepted."""
    prefix = world.start(start, place)
    shutil.copytree(world.folder / "trust", place / "trust", symlinks=True)
    victim.own_places(place / "trust")
    return prefix


def judge(world, place, case):
    """Do a case and return its outcome. Raises NotThereError where it cannot be done."""
    start = worlds.UPGRADE if case.tool == "upgrade" else worlds.ROLLBACK
    prefix = begin(world, start, place)
    try:
        path = PLACES[case.place](prefix)
    except (StopIteration, AttributeError) as error:
        raise NotThereError from error
    hurt(prefix, case)
    try:
        return _repair(world, prefix, case) if case.tool == "recover" else _run(world, prefix, case)
    finally:
        if case.kind == "immutable" and os.path.lexists(path):
            immutable(path, on=False)


def look(world, place, case):
    """Return the prefix and what recover said, without a bundle."""
    prefix = begin(world, worlds.ROLLBACK, place)
    hurt(prefix, case)
    return prefix, bounded(["recover", "--yes", "--prefix", str(prefix.root)])


def _repair(world, prefix, case):
    root = ["--prefix", str(prefix.root)]
    bundle = ["--bundle", str(world.bundle("new")), "--trust-key", str(world.key)]
    said = {"validate": bounded(["validate", *LOOKED_AT, *root]), "recover": bounded(["recover", "--yes", *root])}
    last, outcome = said["recover"], Outcome(case, {}, [], noticed(said["validate"]))
    if last.code != 0:
        outcome.said = last.err[-600:]
        last = said["recover --bundle"] = bounded(["recover", "--yes", *bundle, *root])
    said["status"] = bounded(["status", *root])
    if case.place.startswith("the former"):
        last = said["rollback"] = bounded(["rollback", *root])
    said["validate again"] = bounded(["validate", *LOOKED_AT, *root])
    outcome.codes = {name: answer.code for name, answer in said.items()}
    outcome.wrong = [f"{name}: {answer.trouble()}" for name, answer in said.items() if answer.trouble()]
    reason = of_no_weight(case)
    if not (reason or outcome.seen):
        outcome.wrong.append("validate does not notice")
    again = said["validate again"]
    is_advised = noticed(again) and _advises(case, last, again)
    if noticed(again) and not is_advised and not _only_moved(again):
        outcome.wrong.append(f"not mended, and validate then: {again.out[-900:]}")
    if last.code != 0 and not is_advised:
        outcome.wrong.append(f"recover with the bundle does not mend: {last.err[-500:]}")
    if is_advised:
        outcome.repaired = "advice"
        return outcome
    outcome.repaired = "bundle" if "recover --bundle" in said else "here"
    return outcome


def _advises(case, last, again):
    """Tell whether what no repair may decide comes with the advice that leads on."""
    reported = last.err + again.out
    if case.place in THE_USERS | EVIDENCE:
        return "Next steps:" in again.out or bool(ADVICE.search(last.err))
    if case.place.startswith("the former "):  # who signed it stood in the receipt, and no policy tells
        return "Transfer the bundle with release counter" in reported
    return case.kind in RIGHTS and case.place in OWN_FOLDERS and re.search(r"ch(mod|own) \S+ \S*/prefix", reported)


def _only_moved(said):
    """Tell whether all that a validation names is what was moved aside for its owner to look at."""
    named = [line for line in said.out.splitlines() if line.startswith(("  WARN", "  FAIL", "  ERROR"))]
    return len(named) == 1 and "Unknown files" in named[0] and ".moved-" in "".join(said.out.split())


def _run(world, prefix, case):
    operation = {"install": worlds.UPGRADE}.get(case.tool, case.tool)
    root = ["--prefix", str(prefix.root)]
    said = {case.tool: bounded(world.argv(operation, prefix.root)), "status": bounded(["status", *root])}
    answer = said[case.tool]
    outcome = Outcome(case, {name: answer.code for name, answer in said.items()}, [])
    outcome.said = answer.err[-600:]
    outcome.wrong = [f"{name}: {answer.trouble()}" for name, answer in said.items() if answer.trouble()]
    if answer.code == 0 and case.tool == "uninstall":
        left = [path.name for path in (prefix.releases, prefix.store, prefix.bin, prefix.current) if path.exists()]
        outcome.wrong += [f"uninstall leaves {left}"] if left else []
    elif answer.code == 0:
        active = prefix.active()
        deviations = receipt.compare(active, receipt.read_receipt(active)) if active else ["no release is active"]
        outcome.wrong += [f"{case.tool} says 0, and then: {deviations[:3]}"] if deviations else []
    return outcome
