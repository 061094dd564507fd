"""A small world to hurt: two releases of the tiny application, and the prefixes to start from."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap import cli
from bundle.product.application import Launcher, Migration
from installer.change import retention
from installer.layout.prefix import Prefix
from installer.userdata.backups import list_backups
from shared.files import files
from shared.processes import process
from shared.terminal.commandline import LOG
from tests import tiny
from tests.reliability import victim

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = f"# mine\n{tiny.KEY}=secret\n".encode()
MINE = {"data/notes.txt": "what I noted\n", "data/questions.csv": "my own question,answer\n"}
DAMAGED = "tiny_lib/more.py"  # in site-packages
INSTALL, UPGRADE, ROLLBACK, RECOVER, UNINSTALL = "install", "upgrade", "rollback", "recover", "uninstall"
RESTORE, MIGRATE, RETURN = "restore", "migrate", "return"  # those that exchange the user's data
MENDING = "rollback-repair"  # to a former release that is damaged
ROLLBACKS = (ROLLBACK, MENDING)
OPERATIONS = (INSTALL, UPGRADE, ROLLBACK, RECOVER, UNINSTALL, RESTORE, MIGRATE, RETURN, MENDING)
MIGRATING = """elif command == "migrate":
    notes = Path(__file__).parent / "data" / "notes.txt"
    (notes.parent / "notes.json").write_text(json.dumps(notes.read_text()))
    notes.unlink()
else:
"""


@dataclass(frozen=True)
class World:
    """A folder with both bundles and, for each operation, the prefix that it starts from."""

    folder: Path

    @property
    def key(self):
        return self.folder / "old" / "key.pub"

    def bundle(self, name):
        return next(path for path in (self.folder / name).iterdir() if path.is_dir())

    def argv(self, operation, root):
        """Return the command line of an operation."""
        words = {
            INSTALL: ["install", str(self.bundle("old")), "--trust-key", str(self.key)],
            UPGRADE: ["install", str(self.bundle("new")), "--trust-key", str(self.key)],
            ROLLBACK: ["rollback"],
            RECOVER: ["recover", "--yes"],
            UNINSTALL: ["uninstall", "--yes"],
            RESTORE: ["backup", "restore", next((backup.name for backup in list_backups(Prefix(root))), "-")],
            MIGRATE: ["install", str(self.bundle("migrating")), "--trust-key", str(self.key)],
            RETURN: ["rollback"],
            MENDING: ["rollback"],
        }[operation]
        return [*words, "--prefix", str(root)]

    def end(self, operation):
        """Return what the user's files are after an operation that exchanges them, None for others."""
        folder = self.folder / f"{operation}.end"
        return users(Prefix(folder)) if folder.is_dir() else None

    def start(self, operation, place):
        """Make an empty place and put the prefix there that an operation starts from."""
        files.remove_tree(place)
        place.mkdir(parents=True)
        template = self.folder / f"{operation}.prefix"
        if template.is_dir():
            shutil.copytree(template, place / "prefix", symlinks=True)
        return Prefix(place / "prefix")


def make(folder: Path) -> World:
    """Build the world once: takes two seconds."""
    world = World(folder)
    old = tiny.tiny_bundle(folder / "old")
    tiny.tiny_bundle(
        folder / "new",
        counter=tiny.COUNTER + 1,
        version="2.0.0",
        packages={"tiny-text": ("0.4.0", {"tiny_text/__init__.py": "def words(text):\n    return [text]\n"})},
        sources={"data/questions.csv": "새 질문,답\n", "data/sub/more.csv": "more\n"},
        key=folder / "old" / "key",
        launchers=(*tiny.application().launchers, Launcher("tiny-more", "script", "app.py")),
    )
    changed = MIGRATING.join(tiny.APP.rpartition("else:\n")[::2])
    tiny.tiny_bundle(
        folder / "migrating",
        counter=tiny.COUNTER + 1,
        version="2.0.0",
        sources={"app.py": changed},
        key=folder / "old" / "key",
        migration=Migration(1, ("tiny", "migrate")),
    )
    assert old.key == world.key
    make_starts(world)
    return world


def make_starts(world):
    """Make what operations start from."""
    folder = world.folder
    (folder / "trust").mkdir()
    victim.own_places(folder / "trust")
    base = folder / f"{UPGRADE}.prefix"
    tell(world.argv(INSTALL, base))
    (base / ".env").write_bytes(SETTINGS)
    files.make_private(base / ".env")
    for path, text in MINE.items():
        (base / "data" / path).parent.mkdir(exist_ok=True)
        (base / "data" / path).write_text(text)
    both = folder / f"{ROLLBACK}.prefix"
    shutil.copytree(base, both, symlinks=True)
    tell(world.argv(UPGRADE, both))
    shutil.copytree(both, folder / f"{UNINSTALL}.prefix", symlinks=True)
    for operation in (RECOVER, MENDING):
        shutil.copytree(both, folder / f"{operation}.prefix", symlinks=True)
    damage(Prefix(folder / f"{RECOVER}.prefix").active())
    damage(retention.previous(Prefix(folder / f"{MENDING}.prefix")))
    if os.name != "nt":  # data persist inside the application's tree by links
        make_exchanges(world, base)


def damage(release):
    """Change a file of a release."""
    path = damaged_file(release)
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_text("MORE = 'changed'\n")
    path.chmod(mode)


def damaged_file(release):
    """Return the file that a recovery finds changed."""
    return release.site_packages(release.manifest().target.python) / DAMAGED


def make_exchanges(world, base):
    """Make what operations that exchange the user's data start from, and what they end with."""
    restoring = world.folder / f"{RESTORE}.prefix"
    shutil.copytree(base, restoring, symlinks=True)
    tell(["backup", "--prefix", str(restoring)])
    (restoring / ".env").write_bytes(SETTINGS + b"# later\n")
    (restoring / "data" / "data" / "notes.txt").write_text("later\n")
    (restoring / "data" / "data" / "more").mkdir()
    (restoring / "data" / "data" / "more" / "new.txt").write_text("new\n")
    for operation, template in ((RESTORE, restoring), (MIGRATE, base)):
        end = world.folder / f"{operation}.end"
        shutil.copytree(template, end, symlinks=True)
        tell(world.argv(operation, end))
    shutil.copytree(base, world.folder / f"{MIGRATE}.prefix", symlinks=True)
    shutil.copytree(world.folder / f"{MIGRATE}.end", world.folder / f"{RETURN}.prefix", symlinks=True)
    shutil.copytree(base, world.folder / f"{RETURN}.end", symlinks=True)
    assert len({str(users(Prefix(world.folder / name))) for name in (base, f"{MIGRATE}.end", f"{RESTORE}.end")}) > 1


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


def run(argv):
    """Run a command of the installer in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main(argv)
        except SystemExit as ended:
            code = int(str(ended.code))
    for handler in [handler for handler in LOG.handlers if isinstance(handler, logging.FileHandler)]:
        LOG.removeHandler(handler)  # a process that ends closes its log; a disk with an open file is not unmounted
        handler.close()
    return Said(code, out.getvalue(), err.getvalue())


def tell(argv):
    """Run a command that must succeed."""
    said = run(argv)
    assert said.code == 0, f"{argv}: {said}"
    return said


def hurt(argv, spec, before=(), timeout=120):
    """Run a command in a process of its own, the installer or a program of its behind other commands."""
    python = [sys.executable, "-B", "-X", "faulthandler"]
    return process.run([*before, *python, victim.__file__, json.dumps(spec), *argv], timeout=timeout)


def users(prefix):
    """Return the bytes of what is the user's."""
    paths = [path for path in prefix.data.rglob("*") if path.is_file()] + [prefix.env_file]
    return {str(path.relative_to(prefix.root)): path.read_bytes() for path in paths if path.is_file()}
