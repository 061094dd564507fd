"""Backups before each change: shared where nothing changed, gone with a run that failed, restored whole."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from bootstrap import cli
from installer.change import restore, retention, transaction
from installer.install import rollback
from installer.install.uninstall import uninstall
from installer.layout import journal
from installer.release import acceptance
from installer.userdata import backup_files, backups, copies, userdata
from shared.errors import HostError, InstallError, UsageError
from shared.files import files
from tests.helpers import QUIET, install, snapshot
from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from tests.tiny import Tiny

BYTES = ("state/lock", "state/journal.json", "state/audit", "state/logs", "state/unfinished")


@pytest.fixture(scope="module")
def second(tiny: Tiny, tmp_path_factory) -> Tiny:
    """Give a release that writes into two more folders, one inside another."""
    folder = tmp_path_factory.mktemp("second")
    key = tiny.key.with_suffix("")
    sources = {"data/more/new.csv": "a\n"}
    return tiny_bundle(
        folder, counter=COUNTER + 1, version="1.1.0", sources=sources, key=key, persist=("data", "out/reports")
    )


@pytest.fixture
def used(prefix: Prefix) -> Prefix:
    """Give an installation with settings and data of the user's."""
    prefix.env_file.write_text("TINY_API_KEY=real\n")
    (prefix.data / "data/notes.txt").write_text("한 줄\n")
    (prefix.data / "data/empty").mkdir(mode=0o750)
    return prefix


@pytest.fixture(autouse=True)
def _settled(monkeypatch):
    """Take the seconds away in which a file that was just written may change and keep its time."""
    monkeypatch.setattr(backup_files, "SETTLED", 0)


def reasons(prefix: Prefix) -> list[str]:
    return [backup.reason for backup in backups.list_backups(prefix)]


def test_every_change_is_preceded_by_a_backup(used, second) -> None:
    first = used.active()
    install(second, used)
    rollback.rollback(used, QUIET)
    assert reasons(used) == ["before-install", "before-rollback"]
    assert next(backup.release for backup in backups.list_backups(used)) == first.id
    removal = uninstall(used, QUIET)
    assert reasons(used) == ["before-install", "before-rollback", "before-uninstall"]
    assert used.backups in removal.stays
    saved = backups.list_backups(used)[-1].path / "files"
    assert (saved / ".env").read_text() == "TINY_API_KEY=real\n"
    assert (saved / "data/data/notes.txt").read_text() == "한 줄\n"


def test_models_that_the_user_brought_stay_until_everything_of_his_goes(used, tiny) -> None:
    added = used.root / "models" / "bge" / "config.json"
    added.parent.mkdir(parents=True)
    added.write_text("{}")
    assert used.root / "models" in uninstall(used, QUIET).stays
    install(tiny, used)
    assert added.is_file()
    uninstall(used, QUIET, purge=True)
    assert not used.root.exists()


def test_a_first_installation_has_nothing_to_back_up(prefix) -> None:
    assert reasons(prefix) == []


def test_data_that_an_uninstallation_left_are_backed_up_by_the_next_installation(used, tiny) -> None:
    uninstall(used, QUIET)
    install(tiny, used)
    assert reasons(used)[-1] == "before-install"


@pytest.mark.parametrize("place", ["build", "health"])
def test_a_failed_upgrade_leaves_the_prefix_as_it_was(used, second, tmp_path, tiny, monkeypatch, place) -> None:
    install(second, used)
    rollback.rollback(used, QUIET)
    before = snapshot(used.root, *BYTES)
    third = tiny_bundle(
        tmp_path / "third",
        counter=COUNTER + 2,
        sources={"data/new/third.csv": "c\n"},
        key=tiny.key.with_suffix(""),
        persist=("data", "other/deep"),
    )

    def fail(*_arguments: object) -> None:
        raise InstallError("it does not work.")

    monkeypatch.setattr(acceptance, {"build": "check_smoke", "health": "check_health"}[place], fail)
    with pytest.raises(InstallError):
        install(third, used)
    assert snapshot(used.root, *BYTES) == before


def test_unchanged_files_are_shared_between_backups_and_never_with_the_data(used, monkeypatch) -> None:
    read = []
    real = backup_files.content_of
    monkeypatch.setattr(backup_files, "content_of", lambda *of: (read.append(of[1]), real(*of))[1])
    one = backups.create(used, "20260101T000000Z-manual")
    (used.data / "data/questions.csv").write_text("changed\n")
    read.clear()
    two = backups.create(used, "20260101T000001Z-manual", quick=True)
    assert read == ["questions.csv"]
    notes = "files/data/data/notes.txt"
    assert os.path.samefile(one / notes, two / notes)
    assert not os.path.samefile(one / notes, used.data / "data/notes.txt")
    assert (one / "files/data/data/questions.csv").read_text() != "changed\n"
    assert (two / "files/data/data/questions.csv").read_text() == "changed\n"
    assert backups.needed_bytes(used) == 0


def test_a_file_that_changed_with_the_same_size_and_time_is_copied(used) -> None:
    backups.create(used, "20260101T000000Z-manual")
    notes = used.data / "data/notes.txt"
    status = notes.stat()
    notes.write_text("두 줄\n")
    os.utime(notes, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert notes.stat().st_size == status.st_size
    two = backups.create(used, "20260101T000001Z-manual")
    assert (two / "files/data/data/notes.txt").read_text() == "두 줄\n"


def test_a_file_written_a_moment_ago_is_not_taken_for_unchanged(used, monkeypatch) -> None:
    monkeypatch.setattr(backup_files, "SETTLED", 2_000_000_000)
    (used.data / "data/notes.txt").write_text("just now\n")
    backups.create(used, "20260101T000000Z-manual")
    assert backups.needed_bytes(used) >= len("just now\n")


def test_a_rotten_file_of_a_backup_is_not_shared_with_the_next(used) -> None:
    one = backups.create(used, "20260101T000000Z-manual")
    path = one / "files/data/data/notes.txt"
    path.chmod(0o600)
    path.write_text("rotten\n")
    two = backups.create(used, "20260101T000001Z-manual")
    assert (two / "files/data/data/notes.txt").read_text() == "한 줄\n"


def test_a_release_that_the_newest_backup_names_is_not_collected(used, second, tmp_path, tiny) -> None:
    first = used.active()
    install(second, used)
    (used.state / "previous").unlink()
    assert backups.pinned(used) == first
    key = tiny.key.with_suffix("")
    install(tiny_bundle(tmp_path / "third", counter=COUNTER + 2, key=key), used)
    retention.collect(used)
    assert not first.path.exists()
    assert backups.pinned(used) == retention.previous(used)


def test_restoring_brings_back_folders_and_rights_too(used) -> None:
    before = snapshot(used.data), (used.data / "data/empty").stat().st_mode
    backups.create(used, "20260101T000000Z-manual")
    shutil.rmtree(used.data / "data/empty")
    (used.data / "data/later").mkdir()
    used.env_file.unlink()
    restore.restore(used, "latest", QUIET)
    assert (snapshot(used.data), (used.data / "data/empty").stat().st_mode) == before
    assert used.env_file.read_text() == "TINY_API_KEY=real\n"
    assert journal.read(used) is None
    assert transaction.leftovers(used) == []


@pytest.mark.parametrize("place", ["write", "finish_restoring", "swap_in"])
def test_a_restoration_that_fails_is_undone_or_finished(used, monkeypatch, place) -> None:
    backups.create(used, "20260101T000000Z-manual")
    wanted = snapshot(used.data)
    (used.data / "data/notes.txt").write_text("later\n")
    before = snapshot(used.root, *BYTES)
    module = journal if place == "write" else userdata
    real = getattr(module, place)

    def fail(*arguments: object) -> None:
        if place == "swap_in":
            real(*arguments)
        raise OSError(28, "No space left on device", "/disk")

    monkeypatch.setattr(module, place, fail)
    with pytest.raises((HostError, InstallError)) as caught:
        restore.restore(used, "20260101T000000Z-manual", QUIET)
    monkeypatch.undo()
    if place == "write":
        assert "Nothing was changed" in caught.value.advice
        after = {path: what for path, what in snapshot(used.root, *BYTES).items() if "before-restore" not in path}
        assert after == before
    else:
        assert "The next command finishes" in caught.value.advice
        transaction.resolve_if_unlocked(used)
        assert snapshot(used.data) == wanted
        assert journal.read(used) is None


@pytest.mark.parametrize("renamed", range(4))
def test_three_renames_that_were_stopped_are_finished_or_undone(used, monkeypatch, renamed) -> None:
    """Where two folders can't change places at once."""
    backups.create(used, "20260101T000000Z-manual")
    old = snapshot(used.data)
    incoming = used.root / userdata.INCOMING
    copies.copy_tree(used.data, incoming)
    (incoming / "data/notes.txt").write_text("new\n")
    new = snapshot(incoming)
    entry = journal.Entry("install", "1-000000000000-r1", None, (), None, userdata.INCOMING, userdata.inode(incoming))
    monkeypatch.setattr(userdata, "_exchange_at_once", lambda _one, _other: False)
    real = files.replace
    done: list[Any] = []

    def rename(source: Path, target: Path) -> None:
        if len(done) == renamed:
            raise KeyboardInterrupt
        done.append(source)
        real(source, target)

    monkeypatch.setattr(files, "replace", rename)
    if renamed < 3:
        with pytest.raises(KeyboardInterrupt):
            userdata.swap_in(used, entry)
    else:
        userdata.swap_in(used, entry)
    monkeypatch.setattr(files, "replace", real)
    if renamed % 2:
        userdata.swap_in(used, entry)
        assert (snapshot(used.data), snapshot(incoming)) == (new, old)
    userdata.swap_out(used, entry)
    assert snapshot(used.data) == old
    assert not incoming.exists()
    assert not (used.root / userdata.MOVED).exists()


def test_data_behind_a_link_are_not_exchanged(used, tmp_path) -> None:
    shutil.move(used.data, tmp_path / "elsewhere")
    used.data.symlink_to(tmp_path / "elsewhere")
    backups.create(used, "20260101T000000Z-manual")
    with pytest.raises(HostError, match="cannot be replaced"):
        restore.restore(used, "latest", QUIET)


def test_a_rollback_goes_on_without_space_for_its_backup(used, second, monkeypatch) -> None:
    first = used.active()
    install(second, used)
    (used.data / "data/notes.txt").write_text("more\n")

    def fail(_prefix: Prefix, _needed: int) -> None:
        raise HostError("no space.")

    monkeypatch.setattr(backups, "require_free", fail)
    assert rollback.rollback(used, QUIET).active == first.id
    assert reasons(used) == ["before-install"]


def test_settings_of_any_length_come_back(used) -> None:
    settings = b"# mine\n" * 300_000  # more than a launcher reads; once journaled a restoration is finished
    used.env_file.write_bytes(settings)
    backups.create(used, backups.new_name(used, backups.MANUAL))
    used.env_file.write_bytes(b"")
    restore.restore(used, "latest", QUIET)
    assert used.env_file.read_bytes() == settings


# the command


def run(capsys, *words: str) -> tuple[int, str, str]:
    try:
        code = cli.main(list(words))
    except SystemExit as ended:
        code = int(str(ended.code))
    reported = capsys.readouterr()
    return code, reported.out, reported.err


def test_the_command_makes_lists_and_restores(used, host, capsys) -> None:
    where = ("--prefix", str(used.root))
    code, out, _err = run(capsys, "backup", "--json", *where)
    made = json.loads(out)
    assert (code, made["reason"], made["release"], made["files"]) == (0, "manual", used.active().id, 3)
    (used.data / "data/notes.txt").write_text("later\n")
    _code, out, _err = run(capsys, "backup", "restore", made["id"], "--dry-run", "--json", *where)
    assert json.loads(out)["restore"]["id"] == made["id"]
    assert (used.data / "data/notes.txt").read_text() == "later\n"
    code, out, _err = run(capsys, "backup", "restore", made["id"], "--json", *where)
    done = json.loads(out)
    assert (code, done["restored"]["id"]) == (0, made["id"])
    assert (used.data / "data/notes.txt").read_text() == "한 줄\n"
    _code, out, _err = run(capsys, "backup", "list", "--json", *where)
    assert [backup["id"] for backup in json.loads(out)["backups"]] == [made["id"], done["before"]]
    _code, out, _err = run(capsys, "backup", "list", *where)
    assert out.splitlines()[0].startswith(made["id"])


def test_a_host_that_does_not_tell_what_is_free_stops_no_plan(used, host, capsys, monkeypatch) -> None:
    def refuse(_path):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("shutil.disk_usage", refuse)
    where = ("--dry-run", "--prefix", str(used.root))
    code, out, _err = run(capsys, "backup", "--json", *where)
    assert (code, json.loads(out)["free"], json.loads(out)["fits"]) == (0, None, True)
    code, out, _err = run(capsys, "backup", *where)
    assert code == 0
    assert "the free space on this host is unknown" in out


@pytest.mark.parametrize("words", [("restore",), ("restore", "../../etc"), ("list", "x"), ("remove",)])
def test_a_command_that_was_called_wrongly(used, host, capsys, words) -> None:
    before = snapshot(used.root, *BYTES)
    code, _out, err = run(capsys, "backup", *words, "--prefix", str(used.root))
    assert code == 2
    assert "Traceback" not in err
    assert snapshot(used.root, *BYTES) == before


def test_a_name_for_no_backup(used) -> None:
    with pytest.raises(UsageError):
        backups.new_name(used, "No Name")


def test_a_backup_that_lost_its_index_is_told_and_stays(used):
    path = backups.create(used, backups.new_name(used, backups.MANUAL))
    (path / "index.json").unlink()
    assert backups.unreadable(used) == [path.name]
    assert transaction.leftovers(used) == []  # it is no removal that was cut short
    backups.prune(used)
    assert path.is_dir()


def test_the_newest_backup_that_holds_data_stays_while_the_data_are_lost(used):
    full = backups.create(used, backups.new_name(used, backups.MANUAL))
    shutil.rmtree(used.data)
    later = [
        backups.create(used, backups.new_name(used, backups.MANUAL)) for _time in range(backups.RETAINED_BACKUPS + 2)
    ]
    assert backups.newest_with_data(used).name == full.name
    backups.prune(used)
    left = [backup.name for backup in backups.list_backups(used)]
    assert left == [full.name, *(path.name for path in later[-backups.RETAINED_BACKUPS :])]


def test_a_removal_that_is_cut_short_leaves_no_backup(used, monkeypatch):
    path = backups.create(used, backups.new_name(used, backups.MANUAL))
    with monkeypatch.context() as patch:
        patch.setattr(files, "remove_tree", lambda folder: None)
        backups.remove(used, path.name)
    assert (backups.list_backups(used), backups.unreadable(used)) == ([], [])
    assert [left.name.startswith(f".{path.name}") for left in transaction.leftovers(used)] == [True]
