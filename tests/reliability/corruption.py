"""Random damage to an installation, as bad disks, careless hands and cleaners do it."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

from installer.release import receipt as receipts
from installer.release.receipt import APP, MODELS, RELEASE, VENV

AREAS = ("packages", "app", "models", "environment", "launchers", "receipt", "pointer")
WEIGHTS = (10, 5, 3, 3, 3, 1, 1)
HOWS = ("deleted", "truncated", "flipped", "added")


@dataclass(frozen=True)
class Damage:
    """What was done to a file, its path as in the report, and the package that it belongs to, if to any."""

    area: str
    how: str
    path: str
    package: str = ""


def damage(prefix, seed, count=10):
    """Do so many kinds of damage, each to another file, and return what was done."""
    dice = random.Random(seed)
    release = prefix.active()
    items = receipts.read_receipt(release).items
    done: list[Any] = []
    taken = set()
    while len(done) < count:
        area = dice.choices(AREAS, WEIGHTS)[0]
        how = dice.choice(HOWS)
        path, package = _choose(area, prefix, release, items, dice)
        if path in taken or (area in ("receipt", "pointer", "launchers") and how == "added"):
            continue
        taken.add(path)
        if how == "added":
            path = path.with_name(f"planted-{len(done)}{path.suffix}")
            package = ""
        _hurt(path, how, dice)
        inside = path.relative_to(release.path) if release.path in path.parents else path.relative_to(prefix.root)
        done.append(Damage(area, how, inside.as_posix(), package))
    return done


def _choose(area, prefix, release, items, dice):
    if area == "receipt":
        return dice.choice([release.receipt_file, release.complete_file]), ""
    if area == "pointer":
        return prefix.current, ""
    if area == "launchers":
        return dice.choice(sorted(path for path in prefix.bin.iterdir())), ""
    parts = {"app": APP, "models": MODELS, "environment": VENV}
    chosen = [
        item
        for item in items
        if not item.content.startswith("-> ")
        and (item.owner == parts[area] if area in parts else item.owner not in (APP, MODELS, VENV, RELEASE))
    ]
    item = dice.choice(chosen)
    return release.path / item.path, item.owner if area == "packages" else ""


def _hurt(path, how, dice):
    if path.is_symlink():
        path.unlink()
        if how != "deleted":
            path.symlink_to("releases/1-0123456789ab-r1")
        return
    if how == "deleted":
        path.unlink(missing_ok=True)
        return
    data = b"planted\n" if how == "added" else path.read_bytes()
    if how == "truncated":
        data = data[: len(data) // 2] if data else b"x"
    elif how == "flipped":
        place = dice.randrange(len(data)) if data else 0
        data = data[:place] + bytes([(data[place] if data else 0) ^ 0x20]) + data[place + 1 :]
    if path.exists() and os.stat(path).st_nlink > 1 and dice.random() < 0.5:
        path.unlink()  # what replaces a file leaves its other names alone; what writes into it does not
    mode = path.stat().st_mode if path.exists() else 0o644
    path.parent.chmod(0o755)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(mode & 0o777)
