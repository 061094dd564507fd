"""A run that dies, at every step that it takes: the next command finds the old state whole, or the new one."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from installer.change import retention, transaction
from installer.layout import journal, seal
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.release.receipt import compare, read_receipt
from installer.userdata import backups, persist
from shared.files import files
from tests.helpers import NOTES, install, snapshot
from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from tests.tiny import Tiny

# what a run does to a prefix, in its order; the installer dies before or after the call
STEPS = (
    ("installer.layout.journal.write", "after"),
    ("installer.release.stage.verify_into_store", "after"),
    ("installer.release.stage.stage_environment", "after"),
    ("installer.install.install.finish", "after"),
    ("installer.layout.journal.note_written", "after"),
    ("installer.userdata.persist.write", "after"),
    ("installer.release.launchers.write", "after"),
    ("installer.layout.prefix.Prefix.set_current", "before"),
    ("installer.layout.prefix.Prefix.set_current", "after"),
    ("installer.release.acceptance.check_health", "after"),
    ("installer.change.retention.collect", "after"),
)
CHILD = """
import importlib, os, pickle, signal, sys
name, when, tiny, root = pickle.load(sys.stdin.buffer)
from installer.layout.prefix import Prefix
from tests.helpers import install
module, _dot, last = name.rpartition(".")
try:
    owner = importlib.import_module(module)
except ModuleNotFoundError:
    package, _dot, kind = module.rpartition(".")
    owner = getattr(importlib.import_module(package), kind)
real = getattr(owner, last)

def die(*arguments, **options):
    if when == "after":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, last, die)
install(tiny, Prefix(root))
"""


def die_at(name: str, when: str, tiny: Tiny, prefix: Prefix) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=pickle.dumps((name, when, tiny, prefix.root)),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert child.returncode == -9, child.stderr.decode()


@pytest.fixture(scope="module")
def second(tiny: Tiny, tmp_path_factory) -> Tiny:
    sources = {"data/questions.csv": "질문,답,점수\n", "data/more/new.csv": "a\n"}
    folder = tmp_path_factory.mktemp("second")
    return tiny_bundle(folder, counter=COUNTER + 1, sources=sources, key=tiny.key.with_suffix(""))


@pytest.mark.parametrize(("name", "when"), STEPS)
def test_killed_at_a_step(prefix, second, name, when) -> None:
    before, old = snapshot(prefix.root, *NOTES), prefix.active()
    die_at(name, when, second, prefix)
    transaction.resolve_interrupted(prefix)
    assert journal.read(prefix) is None
    active = prefix.active()
    if active == old:
        assert snapshot(prefix.root, *NOTES) == before
    else:
        assert active.id.startswith(f"{COUNTER + 1}-")
        assert (prefix.data / "data/more/new.csv").read_text() == "a\n"
        assert (prefix.state / "previous").read_text() == f"{old.id}\n"
    assert compare(active, read_receipt(active)) == []
    assert subprocess.run([prefix.bin / "tiny-version"], capture_output=True, check=True).stdout == b"1.0.0\n"
    committed = STEPS.index((name, when)) > STEPS.index(("installer.layout.prefix.Prefix.set_current", "before"))
    assert (active != old) == committed


def test_killed_in_a_first_installation(tmp_path, tiny) -> None:
    prefix = Prefix(tmp_path / "fresh")
    die_at("installer.release.stage.stage_environment", "after", tiny, prefix)
    assert prefix.active() is None
    assert install(tiny, prefix).active == prefix.active().id


def test_what_the_user_touched_since_is_not_taken_back(prefix, second) -> None:
    die_at("installer.userdata.persist.write", "after", second, prefix)
    mine = prefix.data / "data/more/new.csv"
    mine.write_text("a\nmine\n")
    transaction.resolve_interrupted(prefix)
    assert mine.read_text() == "a\nmine\n"
    assert not list(prefix.data.rglob("*.new-*"))


def test_temporary_files_of_a_crash_go(prefix) -> None:
    left = [prefix.root / ".current.7.tmp", prefix.bin / ".tiny.7.tmp", prefix.data / ".ragtrace-7.tmp"]
    shipped = next(iter(persist.shipped(prefix.active().manifest())))
    left += [prefix.data / persist.TEMPORARY, (prefix.data / shipped.inner).with_name(persist.TEMPORARY)]
    for path in left:
        path.write_text("x")
    before = snapshot(prefix.root, *NOTES, *(str(path.relative_to(prefix.root)) for path in left))
    assert transaction.resolve_interrupted(prefix) is None
    assert snapshot(prefix.root, *NOTES) == before


def test_a_damaged_journal_counts_as_idle(prefix) -> None:
    (prefix.state / "journal.json").write_text("{")
    assert journal.read(prefix) is None
    transaction.resolve_interrupted(prefix)
    assert prefix.active()


def test_previous_falls_back_to_the_newest_other_release(prefix, second) -> None:
    first = prefix.active()
    install(second, prefix)
    assert retention.previous(prefix) == first
    files.remove_tree(prefix.state / "previous")
    assert retention.previous(prefix) == first
    (first.complete_file).unlink()
    assert retention.previous(prefix) is None


def test_a_release_that_still_runs_is_kept_with_all_that_it_needs(prefix, second, monkeypatch) -> None:
    first = prefix.active()
    install(second, prefix)
    needed = [Store(prefix.store).path(entry.sha256) for entry in first.manifest().files if entry.kind == "source"]
    monkeypatch.setattr(retention, "previous", lambda _prefix: None)
    monkeypatch.setattr(backups, "pinned", lambda _prefix: None)
    remove = seal.remove
    monkeypatch.setattr(seal, "remove", seal.unmark)  # takes the mark away and says that the rest is still there
    retention.collect(prefix)
    transaction.resolve_interrupted(prefix)
    assert first.app.is_dir()
    assert not first.is_complete
    assert all(path.exists() for path in needed)
    monkeypatch.setattr(seal, "remove", remove)
    transaction.resolve_interrupted(prefix)
    assert not first.path.exists()
    retention.collect(prefix)
    assert not all(path.exists() for path in needed)


def test_what_current_says_is_on_the_disk_before_anything_follows_from_it(prefix, second, monkeypatch) -> None:
    die_at("installer.install.install.finish", "after", second, prefix)
    seen, real = [], files.sync_folder

    def sync(folder):
        seen.append((folder, [release for release in prefix.all_releases() if release != prefix.active()]))
        real(folder)

    monkeypatch.setattr(files, "sync_folder", sync)
    transaction.resolve_interrupted(prefix)
    folder, unfinished = seen[0]
    assert folder == prefix.root
    assert unfinished
    assert prefix.all_releases() == (prefix.active(),)


@pytest.mark.parametrize("command", [transaction.REPAIRED, "upgrade"])
def test_what_a_run_removed_is_off_the_disk_before_its_journal_ends(prefix, second, command, monkeypatch) -> None:
    (prefix.bin / "former").write_bytes((prefix.bin / "tiny").read_bytes())  # of a version that is gone
    there, synced, written = [], files.sync_filesystem, journal.write

    def names():
        return sorted(path for folder in (prefix.releases, prefix.store, prefix.bin) for path in folder.rglob("*"))

    def sync(folder):
        there.append(names())
        synced(folder)

    def write(of, entry):
        if entry is None:
            assert there[-1] == names()
        written(of, entry)

    monkeypatch.setattr(files, "sync_filesystem", sync)
    monkeypatch.setattr(journal, "write", write)
    if command == "upgrade":
        install(second, prefix)
    else:
        journal.write(prefix, journal.Entry(command, prefix.active().id, None))
        assert transaction.resolve_interrupted(prefix) == command
    assert journal.read(prefix) is None
    assert not (prefix.bin / "former").exists()


def test_a_mark_that_is_gone_already_is_made_to_last_too(prefix, monkeypatch) -> None:
    release = prefix.active()
    seal.unmark(release)
    synced: list[Any] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    seal.unmark(release)
    assert synced == [release.path]


@pytest.mark.parametrize("command", [transaction.RECOVER, transaction.RETURN])
def test_a_former_release_that_is_gone_already_is_no_reason_to_stop(prefix, command) -> None:
    active = prefix.active()
    previous = f"{active.id.rpartition('-r')[0]}-r9"
    journal.write(prefix, journal.Entry(command, active.id, previous))
    assert transaction.resolve_interrupted(prefix) == command
    assert journal.read(prefix) is None
    assert prefix.active() == active


def test_a_disk_that_does_not_sync_leaves_the_journal_for_the_next_run(prefix, monkeypatch) -> None:
    entry = journal.Entry("upgrade", prefix.active().id, None)
    journal.write(prefix, entry)
    with monkeypatch.context() as broken:
        broken.setattr(
            files, "sync_filesystem", lambda _folder: (_ for _ in ()).throw(OSError(5, "Input/output error"))
        )
        assert transaction.resolve_interrupted(prefix) == "upgrade"
    assert journal.read(prefix) == entry
    assert transaction.resolve_interrupted(prefix) == "upgrade"
    assert journal.read(prefix) is None
