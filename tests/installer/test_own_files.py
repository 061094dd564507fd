"""Our own files are opened as what they must be, and nothing of others is cleaned away."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from installer.change import transaction
from installer.layout import journal
from installer.layout.prefix import Prefix
from installer.logs import audit_log, runlog
from shared.errors import HostError
from shared.files import files
from shared.files.process_lock import locked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and owners of POSIX")
as_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away")
STRANGER = 12345


@pytest.fixture
def prefix(tmp_path):
    prefix = Prefix(tmp_path / "prefix")
    prefix.make()
    audit_log.append(prefix, "install", "done")
    return prefix


def lock(prefix: Prefix) -> None:
    with locked(prefix.state / "lock"):
        pass


OPENED = {
    "lock": ("state/lock", lock),
    "audit log": ("state/audit/audit.jsonl", lambda prefix: audit_log.append(prefix, "x", "done")),
    "audit log, read": ("state/audit/audit.jsonl", audit_log.head),
    "journal": ("state/journal.json", journal.read),
}


@pytest.mark.parametrize("name", OPENED)
def test_a_link_is_not_followed(prefix, tmp_path, name) -> None:
    relative, act = OPENED[name]
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (prefix.root / relative).unlink(missing_ok=True)
    (prefix.root / relative).symlink_to(victim)
    with pytest.raises(HostError, match="not a regular file owned by this user"):
        act(prefix)
    assert victim.read_text() == "kept"
    assert not os.path.exists(tmp_path / "new")
    victim.unlink()
    with pytest.raises(HostError, match="not a regular file owned by this user"):
        act(prefix)
    assert not victim.exists()  # nor is what it leads to made


@pytest.mark.parametrize("name", OPENED)
def test_a_pipe_is_no_file_and_nobody_is_waited_for(prefix, name) -> None:
    relative, act = OPENED[name]
    (prefix.root / relative).unlink(missing_ok=True)
    os.mkfifo(prefix.root / relative)
    with pytest.raises(HostError, match="not a regular file owned by this user"):
        act(prefix)


@as_root
@pytest.mark.parametrize("name", OPENED)
def test_nor_is_a_file_of_another_user(prefix, name) -> None:
    relative, act = OPENED[name]
    (prefix.root / relative).touch()
    os.chown(prefix.root / relative, STRANGER, STRANGER)
    with pytest.raises(HostError, match="not a regular file owned by this user"):
        act(prefix)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_a_new_file_has_its_mode_whatever_the_umask(tmp_path, umask) -> None:
    previous = os.umask(umask)
    try:
        os.close(files.open_own(tmp_path / "file", os.O_WRONLY | os.O_CREAT))
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


# logs

OURS = "20260101T000000Z-validate-0123456789abcdef.log"
NEWER = OURS.replace("2026", "2027")


def log_once(folder) -> None:
    before = list(runlog.LOG.handlers)
    runlog.to_file(folder, "status")
    runlog.end([handler for handler in runlog.LOG.handlers if handler not in before])


def test_only_logs_of_ours_are_removed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runlog, "RETAINED_LOGS", 2)
    folder = tmp_path / "logs"
    folder.mkdir()
    theirs = ["access.log", "20260101.log", OURS.upper(), f"{OURS}.log", f"x{OURS}"]
    for name in (*theirs, OURS, NEWER):
        (folder / name).write_text("")
    (folder / OURS.replace("000000", "000001")).symlink_to("access.log")
    (folder / OURS.replace("000000", "000002")).mkdir()
    log_once(folder)
    left = {path.name for path in folder.iterdir()}
    assert OURS not in left
    assert left > {*theirs, OURS.replace("000000", "000001"), OURS.replace("000000", "000002")}
    (new,) = [name for name in left if runlog.RUN in name]
    assert stat.S_IMODE((folder / new).stat().st_mode) == 0o600


@as_root
def test_nor_those_of_another_user(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runlog, "RETAINED_LOGS", 2)
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / OURS).write_text("")
    (folder / NEWER).write_text("")
    os.chown(folder / OURS, STRANGER, STRANGER)
    log_once(folder)
    assert (folder / OURS).exists()
    assert (folder / NEWER).exists()  # of one that is ours, two may stay


@as_root
def test_no_log_is_begun_in_a_folder_of_another_user(tmp_path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", STRANGER, STRANGER)
    with pytest.raises(HostError, match="Other users can change"):
        runlog.to_file(tmp_path / "theirs" / "state" / "logs", "status")
    assert list((tmp_path / "theirs").iterdir()) == []


# what a crash left among the user's data


def test_only_names_of_ours_are_cleaned_away_among_the_data(prefix) -> None:
    theirs = [".ragtrace-notes", ".ragtrace-settings", ".ragtrace-x.tmp", ".ragtrace-try-", "ragtrace-1.tmp"]
    for name in theirs:
        (prefix.data / name).write_text("theirs")
    (prefix.data / f".ragtrace-try-{'a' * 32}").write_text("a file, and ours is a folder")
    (prefix.data / ".ragtrace-7.tmp").mkdir()
    (prefix.data / ".ragtrace-8.tmp").write_text("ours")
    (prefix.data / f".ragtrace-try-{'b' * 32}").mkdir()
    transaction.resolve_interrupted(prefix)
    left = {path.name for path in prefix.data.iterdir()}
    assert left == {*theirs, f".ragtrace-try-{'a' * 32}", ".ragtrace-7.tmp"}


def test_an_error_names_the_file_that_was_meant(tmp_path) -> None:
    place = tmp_path / "settings"
    (place / "inner").mkdir(parents=True)
    for write in (lambda: files.write_atomic(place, b""), lambda: files.replace_link(place, "elsewhere")):
        with pytest.raises(OSError, match=r"settings'$") as caught:
            write()
        assert caught.value.filename == str(place)
    assert os.listdir(tmp_path) == ["settings"]
