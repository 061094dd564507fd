"""Any file of the installer's own, damaged; a command that runs into it; and a repair with the bundle at hand."""

from __future__ import annotations

import random

from tests.reliability import corruption
from tests.reliability import world as worlds
from tests.reliability.years.must import laid
from tests.reliability.years.versions import trusts, version_of

STATE = ("state/proofs", "state/journal.json", "state/previous", "state/unfinished")
AREAS = ("releases", "store", "bin", "current", *STATE)
NEXT = (["status"], ["validate", "--check", "security.integrity"], ["recover", "--yes"], ["rollback"], ["backup"])
CODES = range(6)


def damage(host, op, must):
    """Damage a file, let a command run into it, repair, and tell whether all is whole again."""
    facts, prefix = must.facts, host.prefix
    if not facts.active or facts.hurt or not trusts(must.policy):
        return worlds.Said(0, "", "")
    found = [path for area in AREAS for path in files_in(prefix.root / area)]
    dice = random.Random(op.number)
    path = dice.choice(sorted(found))
    corruption._hurt(path, dice.choice(corruption.HOWS[:3]), dice)
    trust = [] if must.policy else ["--trust-key", str(host.versions.key)]
    mending = ["recover", "--yes", "--bundle", str(host.versions.full(facts.active).folder), *trust]
    for argv in (dice.choice(NEXT), mending):
        said = worlds.run([*argv, "--prefix", str(prefix.root)])
        assert said.code in CODES, f"{path}: {argv}: {said}"
        assert "Traceback" not in said.out + said.err, said.err
        if argv[0] == "rollback" and version_of(prefix.active()) == facts.back:
            worlds.run([*argv, "--prefix", str(prefix.root)])  # and forward again
    seen = host.seen()
    assert said.code in (0, 1), f"{path}: {said}"
    assert seen.active == facts.active, f"{path}: {seen.active} is active, {said}"
    assert seen.back in (facts.back, 0), f"{path}: {seen.back}, {said}"
    assert facts.active not in seen.hurt, f"{path}: {said}"
    data = laid(facts.data, facts.active)  # where the active release was made anew
    must.put(back=seen.back, hurt=seen.hurt & {seen.back}, data=data if seen.data == data else facts.data)
    must.is_spoilt = True
    return worlds.Said(0, "", "")


def files_in(path):
    """Return the files below a path, or the path itself where it is one."""
    if path.is_symlink() or path.is_file():
        return [path]
    return [inner for inner in path.rglob("*") if inner.is_file() and not inner.is_symlink()]
