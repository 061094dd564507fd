"""What must always hold: whole old or whole new, the user's files as they were, and nothing that is left over."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from bundle.digest import sha256_file
from installer.change import retention, transaction
from installer.layout import journal, proofs
from installer.release import launchers, receipt
from shared.processes import process
from tests import tiny
from tests.reliability.world import (
    INSTALL,
    RECOVER,
    RESTORE,
    ROLLBACKS,
    SETTINGS,
    UNINSTALL,
    UPGRADE,
    damaged_file,
    run,
    tell,
    users,
)

LOOKING = (["status"], ["history"], ["audit-log", "verify"], ["validate", "--check", "ragtrace.release"])
NOT_COMPARED = ("state/logs", "state/audit", "state/lock", "state/unfinished", "backups")


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
