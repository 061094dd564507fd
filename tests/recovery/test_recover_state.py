"""What lies around the releases is put right: current, commands, settings, journal, store; and repairs that fail."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from bundle.product.application import Migration
from installer.change import retention, transaction
from installer.layout import journal, misplaced
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import receipt, tools_environment
from installer.userdata import userdata
from recovery.recover import recover
from recovery.repair import replacement
from shared.errors import BusyError, HostError, InstallError
from shared.files.process_lock import locked
from shared.processes import process
from shared.programs.uv import Uv
from shared.terminal.progress import NoProgress
from tests.installed import make_prefix
from tests.recovery.damaging import break_current, delete, fail, flip, truncate, whole
from tests.tiny import COUNTER, EMBEDDING, install_tiny, tiny_bundle
from tests.wheels import Wheel


def test_the_plan_says_that_the_data_of_a_retained_release_return(host, newer):
    stored, notes = host.release, host.prefix.data / "data" / "notes.txt"
    install_tiny(newer, host.prefix.root)
    shutil.copytree(host.prefix.data, userdata.set_aside(host.prefix, stored))
    notes.write_text("new\n")
    shutil.rmtree(host.release.path)
    done = host.recover()
    (remedy,) = done.plan.remedies
    assert "becomes active with the data that was set aside for it; the backup contains" in remedy.effect()
    assert host.release == stored
    assert not notes.exists()
    assert (done.backup / "files" / "data" / "data" / "notes.txt").read_text() == "new\n"


@pytest.mark.parametrize("migrates", [False, True])
def test_the_plan_says_whether_a_bundle_migrates_the_data(host, tiny, tmp_path, migrates):
    migration = Migration(1, ("tiny", "migrate")) if migrates else None
    key = tiny.key.with_suffix("")
    newer = tiny_bundle(tmp_path / "newer", counter=COUNTER + 1, version="1.1.0", key=key, migration=migration)
    shutil.rmtree(host.prefix.releases)
    (remedy,) = host.plan(bundle=newer.open()).replacing
    assert ("a migrated copy of the data replaces it" in remedy.effect()) is migrates
    assert ("data and settings are not changed" in remedy.effect()) is not migrates


def test_nothing_left_at_all_is_installed_from_the_bundle(host, tiny):
    shutil.rmtree(host.prefix.releases)
    with pytest.raises(HostError) as error:
        host.recover()
    assert "--bundle" in error.value.advice
    shutil.rmtree(host.prefix.bin)
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["reinstall"]
    whole(host)


def test_a_store_removed_by_hand_is_filled_again_as_far_as_copies_go_and_the_rest_is_named(host, tiny):
    shutil.rmtree(host.prefix.root / "store")
    release = host.release
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["store-heal"]
    assert tiny.manifest.folder in done.plan.unmet
    assert host.answer() == list(EMBEDDING)
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill"]
    assert host.release == release
    whole(host)


@pytest.mark.parametrize("name", ["app", "venv", "models"])
def test_a_link_in_the_place_of_a_folder_of_the_release(host, tmp_path, name):
    release = host.release
    release.path.chmod(0o755)
    (release.path / name).rename(tmp_path / name)
    (release.path / name).symlink_to(tmp_path / name)
    there = sorted((tmp_path / name).rglob("*"))
    host.recover()
    assert not (host.release.path / name).is_symlink()
    assert sorted((tmp_path / name).rglob("*")) == there  # where it led to is not ours
    whole(host)


@pytest.mark.parametrize("how", ["missing", "dangling", "file", "folder"])
def test_a_broken_current_is_put_right_in_place(host, newer, how):
    install_tiny(newer, host.prefix.root)
    active = host.release
    break_current(host, how)
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["current"]
    assert host.release == active
    whole(host)


def test_a_release_removed_by_hand_leads_to_the_one_that_is_left(host, newer):
    stored = host.release
    install_tiny(newer, host.prefix.root)
    shutil.rmtree(host.release.path)
    host.recover()  # without a policy nobody vouches for the metadata of the lost one
    assert host.release == stored
    assert host.answer() == list(EMBEDDING)


def test_a_release_removed_by_hand_is_built_anew_where_store_and_metadata_are_whole(host, tiny):
    lost = host.release
    shutil.rmtree(lost.path)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    assert host.release.version_key == lost.version_key
    assert host.release != lost  # its name stands in the log, with another receipt
    whole(host)


@pytest.mark.parametrize(
    "damage", [delete, truncate, lambda path: path.chmod(0o644), lambda path: shutil.rmtree(path.parent)]
)
def test_launchers_are_written_anew_in_place(host, damage):
    release = host.release
    damage(host.prefix.bin / "tiny")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["launchers"]
    assert host.release == release
    whole(host)


def test_settings_become_private_and_keep_their_content(host):
    host.prefix.env_file.write_text("TINY_API_KEY=secret\n")
    host.prefix.env_file.chmod(0o644)
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["settings"]
    assert host.prefix.env_file.stat().st_mode & 0o777 == 0o600
    assert host.prefix.env_file.read_text() == "TINY_API_KEY=secret\n"


def test_what_a_crash_left_is_undone(host):
    unfinished = host.prefix.new_release(1, "f" * 64)
    unfinished.path.mkdir()
    (unfinished.path / "half").write_text("x")
    journal.write(host.prefix, journal.Entry("install", unfinished.id, host.release.id))
    (host.prefix.root / ".current.7.tmp").symlink_to("x")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["clean-up"]
    assert not unfinished.path.exists()
    whole(host)


@pytest.mark.parametrize(
    "left", ["data/.ragtrace-laid.tmp", "data/.ragtrace-7.tmp", "releases/.ragtrace-x", "state/.settings.7.tmp"]
)
def test_what_recover_finds_without_a_journal_it_also_removes(host, left):
    (host.prefix.root / left).write_text("x")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["clean-up"]
    assert not (host.prefix.root / left).exists()
    assert host.plan().findings == ()


def test_a_damaged_journal_is_made_whole(host):
    (host.prefix.state / "journal.json").write_text("{")
    host.recover()
    whole(host)


def test_a_crash_after_the_switch_still_removes_the_damaged_release(host, monkeypatch):
    delete(host.site / "tiny_lib" / "more.py")
    damaged = host.release

    def crash(prefix, release):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(retention, "unmark_damaged", crash)
        patched.setattr(transaction, "resolve_entry", lambda prefix, entry: None)
        with pytest.raises(SystemExit):
            host.recover()
    assert damaged.is_complete
    transaction.resolve_interrupted(host.prefix)
    assert not damaged.path.exists()
    whole(host)


def test_everything_at_once(host, installed):
    delete(host.site / "tiny_lib" / "more.py")
    flip(host.site / "tiny_text" / "__init__.py")
    truncate(host.release.app / "src" / "helper.py")
    delete(host.release.venv / "pyvenv.cfg")
    delete(host.release.models / "tiny" / "config.json")
    delete(host.prefix.bin / "tiny")
    host.prefix.env_file.chmod(0o666)
    break_current(host, "dangling")
    notes = host.prefix.data / "data" / "notes.txt"
    notes.write_text("mine\n")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == [
        "current",
        "settings",
        "launchers",
        "models",
        "packages",
        "files",
        "environment",
    ]
    assert installed == [["tiny-lib", "tiny-text"]]
    assert notes.read_text() == "mine\n"
    whole(host)


def test_a_failure_leaves_everything_as_it_was(host, monkeypatch):
    delete(host.site / "tiny_lib" / "more.py")
    damaged, before = host.release, sorted(host.prefix.store.rglob("*"))
    monkeypatch.setattr(Uv, "install", fail)
    with pytest.raises(InstallError) as error:
        host.recover()
    assert damaged.id in error.value.advice
    assert host.release == damaged
    assert [path.name for path in host.prefix.releases.iterdir()] == [damaged.id]
    assert sorted(host.prefix.store.rglob("*")) == before
    assert journal.read(host.prefix) is None
    assert '"failed"' in audit_log.log_file(host.prefix).read_text().splitlines()[-1]


def test_a_failure_before_the_backup_is_recorded_and_explained_like_any_other(host, monkeypatch):
    shutil.rmtree(host.prefix.bin)
    host.prefix.bin.write_text("in the way")

    def full(_prefix, _wrong):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(host.prefix.bin))

    monkeypatch.setattr(misplaced, "repair", full)
    with pytest.raises(InstallError) as error:
        host.recover()
    assert f"The active release is still {host.release.id}." in error.value.advice
    assert "Audit log head: " in error.value.advice
    assert '"failed"' in audit_log.log_file(host.prefix).read_text().splitlines()[-1]
    assert list(host.prefix.backups.iterdir()) == []


def test_where_the_small_remedy_fails_the_environment_is_rebuilt(host, installed, monkeypatch):
    from recovery.repair.reuse import take_over

    def late(items, damaged, release, digests):
        flip(damaged.path / items[0].path)
        take_over(items, damaged, release, digests)

    delete(host.site / "tiny_lib" / "more.py")
    monkeypatch.setattr(replacement, "take_over", late)
    host.recover()
    assert [len(names) for names in installed] == [1, 4]
    whole(host)


def test_a_refused_plan_changes_nothing(host):
    from recovery.recover import recover
    from shared.terminal.progress import NoProgress

    delete(host.site / "tiny_lib" / "more.py")
    before = sorted(host.prefix.root.rglob("*"))
    assert not recover(host.prefix, lambda plan: False, NoProgress()).applied
    assert sorted(host.prefix.root.rglob("*")) == before


def test_another_run_is_waited_for_or_named(host):
    with locked(host.prefix.state / "lock"), pytest.raises(BusyError):
        host.recover()


def test_files_added_to_the_application_are_kept_in_the_backup(host):
    (host.release.app / "mine.txt").write_text("mine")
    release = host.release
    done = host.recover()
    assert not (host.release.app / "mine.txt").exists()
    assert (done.backup / "files" / "releases" / release.id / "app" / "mine.txt").read_text() == "mine"


def test_what_is_not_ours_stays_where_it_is(host):
    theirs = [host.prefix.root / "notes", host.prefix.bin / "python3", host.prefix.state / "notes"]
    theirs += [host.prefix.store / "ab" / "file.whl"]
    theirs[-1].parent.mkdir(exist_ok=True)
    for path in theirs:
        path.write_text("mine")
    delete(host.site / "tiny_lib" / "more.py")
    assert host.recover().applied
    assert [path.read_text() for path in theirs] == ["mine"] * len(theirs)


def test_scanners_whose_wheel_is_lost_are_taken_over_and_still_run(tmp_path):
    wheel = Wheel("my-tool", "1.0", {"my_tool.py": "print('scanned')\n"})
    prefix = make_prefix(tmp_path, verification={f"tools/{wheel.filename}": wheel.build()})
    previous = prefix.active()
    (entry,) = tools_environment.entries_of(previous.manifest())
    delete(Store(prefix.store).path(entry.sha256))
    (package,) = previous.venv.rglob("demo_base.py")
    flip(package)
    done = recover(prefix, lambda plan: True, NoProgress())
    assert done.applied
    active = prefix.active()
    assert active != previous
    ran = process.run([str(tools_environment.python_of(active)), "-m", "my_tool"], timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "scanned\n")
    assert receipt.compare(active, receipt.read_receipt(active)) == []
    sealed = {item.path for item in receipt.read_receipt(active).items}
    assert f"{tools_environment.FOLDER}/pyvenv.cfg" in sealed


@pytest.mark.parametrize("is_damaged", [False, True])
def test_scanners_are_made_anew_only_where_theirs_are_damaged(tmp_path, is_damaged):
    wheel = Wheel("my-tool", "1.0", {"my_tool.py": "print('scanned')\n"})
    prefix = make_prefix(tmp_path, verification={f"tools/{wheel.filename}": wheel.build()})
    previous = prefix.active()
    (scanner,) = tools_environment.root_of(previous).rglob("my_tool.py")
    inode = scanner.stat().st_ino
    (package,) = previous.venv.rglob("demo_base.py")
    for damaged in (package, scanner) if is_damaged else (package,):
        flip(damaged)
    assert recover(prefix, lambda plan: True, NoProgress()).applied
    active = prefix.active()
    (made,) = tools_environment.root_of(active).rglob("my_tool.py")
    assert (made.stat().st_ino == inode) is not is_damaged
    assert made.read_text() == "print('scanned')\n"
    assert receipt.compare(active, receipt.read_receipt(active)) == []
