"""Operations beside the installer: the user's own files, the clock, damage, whom the host trusts."""

from __future__ import annotations

import json
from dataclasses import replace

from installer.trust import memory
from tests.reliability import world as worlds
from tests.reliability.years import damage
from tests.reliability.years.must import BEHIND

DAYS = (0, 1, 30, BEHIND, 800)
NAMES = ("notes.txt", "more.txt", "deep/er.txt", "questions.csv")
CHANGED = "MORE = 'changed'\n"  # what a damaged file holds
Said = worlds.Said
DONE = Said(0, "", "")


def write(host, op, must):
    """The user writes a file, be it one that was shipped, or removes one."""
    data, name = must.facts.data, NAMES[op.number % len(NAMES)]
    if not host.prefix.data.is_dir():
        return DONE
    path, text = host.prefix.data / "data" / name, f"{op.number}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    must.put(data={**data, name: text})
    return DONE


def remove(host, op, must):
    """The user removes a file, or all of them."""
    names = sorted(must.facts.data)
    gone = names if op.number % 5 == 4 else names[op.number % len(names) :][:1] if names else []
    for name in gone:
        (host.prefix.data / "data" / name).unlink()
    must.facts = replace(must.facts, data={name: text for name, text in must.facts.data.items() if name not in gone})
    return DONE


def settings(host, op, must):
    """The user changes the settings."""
    if host.prefix.env_file.is_file():
        text = f"TINY_API_KEY={op.number}\n"
        host.prefix.env_file.write_text(text)
        must.put(env=text)
    return DONE


def clock(_host, op, must):
    """Somebody moves the clock."""
    must.days = DAYS[op.number % len(DAYS)]
    return DONE


def hurt(host, op, must):
    """A file of the active release or of the way back changes."""
    version = (must.facts.active, must.facts.back)[op.number % 2]
    if version in must.facts.hurt:
        return DONE  # whatever was damaged, its manifest included
    for release in host.prefix.complete_releases():
        if version and release.counter == host.versions.full(version).manifest.product.counter:
            path = worlds.damaged_file(release)
            path.chmod(0o644)
            path.write_text(CHANGED)
            path.chmod(0o444)
            must.put(hurt=must.facts.hurt | {version})
    return DONE


def policy(host, op, must):
    """An administrator takes over the next policy, or the last one again."""
    number = must.policy + (1 if op.number % 4 else 0)
    if not number:
        return DONE
    key = [] if must.policy else ["--trust-key", str(host.versions.owner)]
    said = worlds.run(["trust", "update", str(host.versions.policy(number)), *key])
    if said.code == 0:
        must.policy = number
    return said


def accept(host, _op, must):
    """An administrator accepts what the memory is."""
    said = worlds.run(["trust", "accept-memory", "--yes", "--prefix", str(host.prefix.root)])
    if not host.prefix.exists:
        said = worlds.run(["trust", "accept-memory", "--yes"])
    if said.code == 0:
        must.rebuilt = False
    return said


def forget(host, op, must):
    """One of the two copies of the memory is damaged, or both."""
    folder = host.trust / "host"
    if folder.is_dir() and (folder / memory.NAME).exists():
        chosen = memory.NAMES if op.number % 3 == 2 else memory.NAMES[op.number % 3 :][:1]
        others = set(memory.NAMES) - set(chosen)
        stored = memory.read_folder(folder)
        if len(chosen) == 2 or others & set(stored.problems):
            must.memory, must.rebuilt = 0, True
        for name in chosen:
            (folder / name).write_text(json.dumps({"format": op.number}))
    return DONE


BESIDE = {
    "idle": lambda *_given: DONE,
    "write": write,
    "remove": remove,
    "settings": settings,
    "clock": clock,
    "hurt": hurt,
    "policy": policy,
    "accept": accept,
    "forget": forget,
    "damage": damage.damage,
}
