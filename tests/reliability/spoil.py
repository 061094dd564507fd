"""Kinds of damage × places of an installation × what is run next; tests.reliability.spoiling does them all.

Each command runs in a process of its own that is ended when its time is over: that is a hang. None may end with a
traceback or exit code 70; what matters must be noticed by validate, and mended by recover, with the bundle if need be.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass

from installer.release import receipt
from tests.reliability import victim
from tests.reliability import world as worlds
from tests.reliability.spoil_kinds import BYTES, KINDS, RIGHTS, NotThereError, immutable
from tests.reliability.spoil_places import (
    EMPTY_FITS,
    EVIDENCE,
    FOLDERS_MAY_BE_LINKS,
    OPTIONAL,
    OWN_FOLDERS,
    PLACES,
    PRIVATE,
    THE_USERS,
    WRITTEN_ANEW,
)

LIMIT = 120.0  # seconds, on a host that does much else
ADVICE = re.compile(r"error: .+\n  next: .+", re.DOTALL)
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
