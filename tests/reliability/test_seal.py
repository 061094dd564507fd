"""A sealed release is read-only, and still removable; what runs in it changes not one byte."""

from __future__ import annotations

import os
import stat

import pytest

from installer.layout import seal
from installer.layout.release import Release
from shared.files import files
from shared.processes import process
from tests.hosts import needs
from tests.reliability import invariants
from tests.reliability import world as worlds

NOBODY = 65534


def modes(root):
    for folder, folders, names in os.walk(root):
        for name in [".", *folders, *names]:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                yield path, stat.S_IMODE(os.lstat(path).st_mode)


def test_nothing_in_a_sealed_release_can_be_written(world, place):
    prefix = world.start(worlds.UPGRADE, place)
    release = prefix.active()
    assert [path for path, mode in modes(release.path) if mode not in (0o444, 0o555)] == []
    assert stat.S_IMODE(release.launch_file.stat().st_mode) == 0o444
    assert stat.S_IMODE((release.venv / "bin" / "tiny-version").stat().st_mode) == 0o555
    assert [path for path, mode in modes(prefix.store) if os.path.isfile(path) and mode != 0o444] == []
    assert prefix.data not in release.path.parents
    assert os.access(prefix.data / "data" / "notes.txt", os.W_OK)


def test_runs_and_validation_change_not_one_byte(world, place):
    prefix = world.start(worlds.UPGRADE, place)
    before = invariants.tree(prefix.active().path, skip=())
    run = process.run([str(prefix.bin / "tiny"), "note", "more"], timeout=60)
    assert run.ok, run
    assert (prefix.data / "data" / "notes.txt").read_text().endswith("more\n")
    worlds.run(["validate", "--prefix", str(prefix.root)])
    assert invariants.tree(prefix.active().path, skip=()) == before


@pytest.fixture
def nobody():
    """Act as a user without privileges where we are root."""
    with needs.or_skip():
        needs.root_on_linux()

    def act(work):
        child = os.fork()
        if child == 0:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - the exit code says it
                os.write(2, f"{error!r}\n".encode())
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return act


def test_its_owner_can_remove_it_without_privileges(nobody, scratch):
    release = Release(scratch / "owned" / "1-0123456789ab-r1")
    (release.path / "app" / "sub").mkdir(parents=True)
    (release.path / "app" / "sub" / "file").write_text("text")
    release.receipt_file.write_text("{}")
    for path in (release.path.parent, *release.path.parent.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    scratch.chmod(0o755)
    assert nobody(lambda: seal.seal(release)) == 0
    assert release.is_complete
    assert nobody(lambda: (release.path / "app" / "sub" / "file").write_text("other")) == 1
    assert nobody(lambda: seal.remove(release)) == 0
    assert not release.path.exists()


def test_hard_linked_files_of_the_store_keep_their_mode(world, place):
    prefix = world.start(worlds.UPGRADE, place)
    release = prefix.active()
    model = release.models / "tiny" / "weights.json"
    stored = next(
        path for path in prefix.store.rglob("*") if path.is_file() and path.read_bytes() == model.read_bytes()
    )
    model.unlink() if os.access(model.parent, os.W_OK) else None
    os.link(stored, model)
    seal.protect(release)
    assert stat.S_IMODE(stored.stat().st_mode) == 0o444


def test_a_removal_cut_short_leaves_nothing_that_counts(world, place, monkeypatch):
    prefix = world.start(worlds.ROLLBACK, place)
    release = prefix.complete_releases()[0]
    monkeypatch.setattr(files, "remove_tree", lambda _path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        seal.remove(release)
    assert release not in prefix.complete_releases()
    monkeypatch.undo()
    worlds.tell(["status", "--prefix", str(prefix.root)])
    assert not release.path.exists()
