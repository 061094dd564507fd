"""A small world to hurt: two releases of the tiny application, prefixes to start from, and what must always hold."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import shutil
import stat
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bootstrap import cli
from bundle.digest import sha256_file
from bundle.product.application import Launcher, Migration
from installer.change import retention, transaction
from installer.layout import journal, proofs
from installer.layout.prefix import Prefix
from installer.release import launchers, receipt
from installer.userdata.backups import list_backups
from shared.files import files
from shared.processes import process
from shared.terminal.commandline import LOG
from tests import tiny
from tests.reliability import victim

SETTINGS = f"# mine\n{tiny.KEY}=secret\n".encode()
MINE = {"data/notes.txt": "what I noted\n", "data/questions.csv": "my own question,answer\n"}
DAMAGED = "tiny_lib/more.py"  # in site-packages
INSTALL, UPGRADE, ROLLBACK, RECOVER, UNINSTALL = "install", "upgrade", "rollback", "recover", "uninstall"
RESTORE, MIGRATE, RETURN = "restore", "migrate", "return"  # those that exchange the user's data
MENDING = "rollback-repair"  # to a former release that is damaged
ROLLBACKS = (ROLLBACK, MENDING)
OPERATIONS = (INSTALL, UPGRADE, ROLLBACK, RECOVER, UNINSTALL, RESTORE, MIGRATE, RETURN, MENDING)
LOOKING = (["status"], ["history"], ["audit-log", "verify"], ["validate", "--check", "ragtrace.release"])
MIGRATING = """elif command == "migrate":
    notes = Path(__file__).parent / "data" / "notes.txt"
    (notes.parent / "notes.json").write_text(json.dumps(notes.read_text()))
    notes.unlink()
else:
"""
NOT_COMPARED = ("state/logs", "state/audit", "state/lock", "state/unfinished", "backups")


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


def tree(root, skip=NOT_COMPARED):
    """Return what every file below a folder is: kind, mode, content."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, root).replace(os.sep, "/")
            if inside.startswith(skip):
                continue
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                found[inside] = f"-> {os.readlink(path)}"
            elif stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
                found[inside] = f"{status.st_mode:o} {content}"
            else:
                found[inside] = f"{status.st_mode:o}"
    return found


@dataclass(frozen=True)
class Before:
    """What was there when the operation began."""

    operation: str
    active: str | None
    user: dict
    releases: frozenset
    end: dict | None = None

    @classmethod
    def of(cls, operation, prefix, world=None):
        active = prefix.active()
        names = frozenset(release.id for release in prefix.complete_releases())
        end = world.end(operation) if world else None
        return cls(operation, active.id if active else None, users(prefix), names, end)


def users(prefix):
    """Return the bytes of what is the user's."""
    paths = [path for path in prefix.data.rglob("*") if path.is_file()] + [prefix.env_file]
    return {str(path.relative_to(prefix.root)): path.read_bytes() for path in paths if path.is_file()}


def check_whole(prefix, before):
    """Raise unless the prefix has the whole old or the whole new release, or none where none may be."""
    active = prefix.active()
    named = prefix.named()
    assert named is None or active is not None, f"current names {named.id}, which is not whole"
    check_users(prefix, before, laid_may_be=True)
    if active is None:
        assert before.active is None or before.operation == UNINSTALL, "no release is active"
        return
    check_release(active, damaged=before.operation == RECOVER and active.id == before.active)
    argv = launchers.argv(prefix, active.manifest(), "tiny", ["embed", tiny.SENTENCE])
    env = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    ended = process.run(argv, env=env, timeout=60)
    key = any(text.startswith(SETTINGS) for text in before.user.values())
    if key:
        assert ended.ok, ended
        assert json.loads(ended.stdout) == [*tiny.EMBEDDING]
    else:
        assert "TINY_API_KEY is not set" in ended.stderr, ended


def check_release(release, *, damaged=False):
    """Raise unless a release is as its receipt says."""
    found = receipt.read_receipt(release)
    assert found.release == release.id
    deviations = [deviation.path for deviation in receipt.compare(release, found)]
    wanted = [damaged_file(release).relative_to(release.path).as_posix()] if damaged else []
    assert deviations == wanted, deviations[:5]


def check_users(prefix, before, *, laid_may_be=False):
    """Raise unless the user's files are as they were; files that a new active release ships may have come."""
    found = users(prefix)
    if before.end is not None:
        check_exchanged(prefix, found, before, half_way=laid_may_be)
        return
    changed = [path for path, data in before.user.items() if found.get(path) != data]
    assert not changed, f"changed: {changed}"
    come = sorted(set(found) - set(before.user) - {".env"})
    active = prefix.active()
    if come and not laid_may_be:
        assert active is not None, come
        assert active.id != before.active, come


def check_exchanged(prefix, found, before, *, half_way):
    """Raise unless the data are whole the old or whole the new, and after the next command those of the release."""
    data = [
        {path: text for path, text in state.items() if path != ".env"} for state in (found, before.user, before.end)
    ]
    assert data[0] in data[1:], sorted(set(data[0]) ^ set(data[1]))
    assert found[".env"] in (before.user[".env"], before.end[".env"])
    if half_way:
        return
    assert found in (before.user, before.end)
    if before.operation != RESTORE:
        assert (found == before.user) == (prefix.active().id == before.active)


def check_clean(prefix):
    """Raise unless nothing of an unfinished run is left."""
    assert journal.read(prefix) is None
    assert transaction.leftovers(prefix) == []
    extra = {path.name for path in prefix.root.iterdir()} - {
        *("releases", "store", "data", ".env", "state", "backups", prefix.current.name, "bin")
    }
    assert not extra, extra
    releases = prefix.complete_releases()
    assert {path.name for path in prefix.releases.iterdir()} == {release.id for release in releases}
    assert {release.id for release in releases} == set(retention.retained(prefix))
    assert len({release.version_key for release in releases}) == len(releases) <= 2
    needed = {entry.sha256 for release in releases for entry in release.manifest().files if entry.is_stored}
    stored = {path.name for path in prefix.store.rglob("*") if path.is_file()}
    assert stored == needed, (sorted(stored - needed), sorted(needed - stored))
    copies = {path.name for path in proofs.folder(prefix).iterdir()} if releases else set()
    assert copies == {sha256_file(release.bundle / "MANIFEST.json")[0] for release in releases}
    active = prefix.active()
    wanted = set(launchers.scripts(prefix, active.manifest())) if active else set()
    found = {path.name for path in prefix.bin.iterdir()}
    assert found == wanted, (sorted(found - wanted), sorted(wanted - found))


def check_after(prefix, before, number, world):
    """Raise unless the next command of any kind mends what a crash left, and a second one changes nothing."""
    if not prefix.exists:
        check_gone(prefix, before)
        return
    looking = [*LOOKING[number % len(LOOKING)], "--prefix", str(prefix.root)]
    first = run(looking)
    assert "Traceback" not in first.err + first.out
    check_whole(prefix, before)
    if before.operation == UNINSTALL and prefix.active() is None:
        tell(world.argv(UNINSTALL, prefix.root))
        check_gone(prefix, before)
        return
    for folder in (prefix.releases, prefix.bin, prefix.data, prefix.store):
        if not folder.is_dir():  # stopped while the folders were made
            assert prefix.active() is None
            return
    check_clean(prefix)
    check_users(prefix, before)
    once = tree(prefix.root)
    second = run(looking)
    assert second.code == first.code, (first, second)
    assert tree(prefix.root) == once
    if number % 3 == 0 and before.operation not in ROLLBACKS:
        repair_uncovered(prefix, before, world)


def repair_uncovered(prefix, before, world):
    """Raise unless the operation can simply be done again."""
    tell(world.argv(before.operation, prefix.root))
    if before.operation == UNINSTALL:
        check_gone(prefix, before)
        return
    after = replace(before, operation=UPGRADE) if before.operation == RECOVER else before
    check_whole(prefix, after)
    check_clean(prefix)


def check_gone(prefix, before):
    """Raise unless nothing but the user's is left."""
    assert before.operation in (UNINSTALL, INSTALL)
    left = {path.name for path in prefix.root.iterdir()} if prefix.root.exists() else set()
    if prefix.is_left:
        left.discard("state")  # the audit log alone
    assert left <= {"data", ".env", "backups"}, left
    if before.operation == UNINSTALL:
        assert users(prefix) == before.user
