from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from installer.change import transaction
from installer.layout.prefix import Prefix
from shared.files import folders, process_lock, temp_folders

ONE = "1" * 32
CHILD = """
import sys
from pathlib import Path
from shared.files import temp_folders
with temp_folders.folder(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def prefix(tmp_path) -> Prefix:
    prefix = Prefix(tmp_path)
    prefix.make()
    return prefix


@pytest.fixture
def elsewhere(prefix):
    """Yield a process that uses a folder."""
    argv = [sys.executable, "-c", CHILD, str(prefix.state)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()  # it has its folder
        yield child
        child.kill()


def entries(prefix: Prefix) -> list[str]:
    return [name for name in os.listdir(prefix.state) if name.startswith(temp_folders.NAME)]


def test_a_folder_is_private_and_goes_with_its_lock(prefix) -> None:
    with temp_folders.folder(prefix.state) as folder:
        assert folder.is_dir()
        assert os.name == "nt" or folder.stat().st_mode & 0o777 == 0o700
        assert len(entries(prefix)) == 2
        assert temp_folders.abandoned(prefix.state) == []
    assert entries(prefix) == []


def test_a_folder_in_use_by_another_process_stays(prefix, elsewhere) -> None:
    transaction.resolve_if_unlocked(prefix)
    assert len(entries(prefix)) == 2
    elsewhere.communicate("")
    assert entries(prefix) == []


def test_what_a_killed_process_left_goes_at_the_next_look(prefix, elsewhere) -> None:
    elsewhere.kill()
    elsewhere.wait()
    assert len(entries(prefix)) == 2
    transaction.resolve_if_unlocked(prefix)
    assert entries(prefix) == []


@pytest.mark.parametrize("left", [f"{temp_folders.NAME}{ONE}", f"{temp_folders.NAME}{ONE}{temp_folders.LOCK}"])
def test_half_of_what_is_left_goes_too(prefix, left) -> None:
    (prefix.state / left).mkdir() if left.endswith(ONE) else (prefix.state / left).touch()
    transaction.resolve_if_unlocked(prefix)
    assert entries(prefix) == []


APART = """
import sys
from shared.files import temp_folders
with temp_folders.scratch() as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="on Windows it lies where the next command looks")
def test_what_belongs_to_no_installation_is_found_wherever_it_lies(tmp_path, monkeypatch) -> None:
    system, state = tmp_path / "system", tmp_path / "state" / folders.TOOL / temp_folders.REGISTER
    system.mkdir()
    env = {**os.environ, "TMPDIR": str(system), "XDG_STATE_HOME": str(tmp_path / "state")}
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    argv = [sys.executable, "-c", APART]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as child:
        folder = child.stdout.readline().strip()
        assert os.path.dirname(folder) == str(system)
        assert os.stat(folder).st_mode & 0o777 == 0o700
        temp_folders.tidy()  # of a command with another TMPDIR
        assert os.path.exists(folder)
        child.kill()
    temp_folders.tidy()
    assert list(system.iterdir()) == list(state.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no links there")
@pytest.mark.parametrize("name", ["precious", "ragtrace-2"])
def test_a_link_that_is_not_ours_removes_nothing(tmp_path, monkeypatch, name) -> None:
    state = tmp_path / "state" / folders.TOOL / temp_folders.REGISTER
    state.mkdir(parents=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / name).mkdir()
    (state / f"{temp_folders.NAME}{ONE}").symlink_to(tmp_path / name)
    temp_folders.tidy()
    assert (tmp_path / name).is_dir()
    assert list(state.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_a_state_folder_that_others_can_change_is_neither_used_nor_tidied(tmp_path, monkeypatch) -> None:
    state = tmp_path / "state" / folders.TOOL
    (state / temp_folders.REGISTER).mkdir(parents=True)
    state.chmod(0o777)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    link = state / temp_folders.REGISTER / f"{temp_folders.NAME}{ONE}"
    link.symlink_to(tmp_path / f"ragtrace-{ONE}")
    with temp_folders.scratch() as folder:
        temp_folders.tidy()
        assert folder.parent == tmp_path
        assert list(link.parent.iterdir()) == [link]


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_without_a_home_it_lies_in_the_system_s_place_and_is_found_there(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(temp_folders, "_own_register", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temp_folders.scratch() as folder:
        temp_folders.tidy()
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    folder.mkdir()
    temp_folders.tidy()
    assert list(tmp_path.iterdir()) == []


BESIDE = """
import sys
from pathlib import Path
from shared.files import temp_folders
with temp_folders.beside(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="no links there")
def test_what_was_tried_beside_a_prefix_that_is_not_there_yet_goes_with_any_command(tmp_path, monkeypatch) -> None:
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    argv = [sys.executable, "-c", BESIDE, str(place)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        made = os.path.basename(child.stdout.readline().strip())
        temp_folders.tidy()
        assert os.listdir(place) == [made]
        child.kill()
    temp_folders.tidy()
    assert os.listdir(place) == os.listdir(tmp_path / "state" / folders.TOOL / temp_folders.REGISTER) == []


@pytest.mark.skipif(os.name == "nt", reason="what is in use is not removed there")
@pytest.mark.parametrize("place", ["backups", "data"])
def test_what_a_run_tries_in_an_installation_stays_when_another_command_comes(prefix, place) -> None:
    (prefix.root / place).mkdir(exist_ok=True)
    with temp_folders.beside(prefix.root / place) as folder:
        transaction.resolve_if_unlocked(prefix)
        assert folder.is_dir()
    left = prefix.root / place / f"{temp_folders.TRIAL}{'0' * 32}"
    left.mkdir()
    transaction.resolve_if_unlocked(prefix)
    assert not left.exists()


@pytest.mark.skipif(os.name == "nt", reason="no links there")
def test_nothing_of_a_trial_beside_a_prefix_is_left_in_the_register(tmp_path, monkeypatch) -> None:
    register = tmp_path / "state" / folders.TOOL / temp_folders.REGISTER
    register.mkdir(parents=True)  # else it goes as a whole
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with temp_folders.beside(tmp_path) as folder:
        assert [os.readlink(path) for path in register.iterdir() if path.is_symlink()] == [str(folder)]
    assert list(register.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no links there")
def test_a_register_that_cannot_be_written_does_not_speak_for_the_place_that_is_tried(tmp_path, monkeypatch) -> None:
    def refuse(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(temp_folders, "locked", refuse)
    with temp_folders.beside(tmp_path) as folder:
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs root, to make another user's link")
def test_a_link_of_another_user_in_the_system_s_place_removes_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(temp_folders, "_own_register", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = tmp_path / f"ragtrace-{ONE}"
    mine.mkdir()
    link = tmp_path / f"{temp_folders.NAME}{ONE}"
    link.symlink_to(mine)
    os.chown(link, 65534, 65534, follow_symlinks=False)
    temp_folders.tidy()
    assert mine.is_dir()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs root, to make what is another user's")
def test_what_is_another_user_s_or_has_a_name_like_ours_stays(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(temp_folders, "_own_register", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = [
        f"{temp_folders.NAME}{ONE}",
        f"{temp_folders.NAME}{'2' * 32}",
        f"{temp_folders.NAME}version",
        f"{temp_folders.NAME}x{temp_folders.LOCK}",
    ]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    os.chown(tmp_path / names[0], 65534, 65534)
    temp_folders.tidy()
    assert sorted(os.listdir(tmp_path)) == sorted([names[0], *names[2:]])


def test_without_a_folder_that_can_be_written_nothing_is_tidied_there(monkeypatch) -> None:
    def refuse():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", refuse)
    temp_folders.tidy()


@pytest.mark.skipif(os.name == "nt", reason="folders are not locked there")
def test_a_folder_is_held_though_another_run_just_asks_whether_it_is(tmp_path, monkeypatch) -> None:
    real, asked = process_lock._try, iter([False])
    monkeypatch.setattr(process_lock, "POLL", 0)
    monkeypatch.setattr(process_lock, "_try", lambda handle, path: next(asked, None) is None and real(handle, path))
    with process_lock.holding(tmp_path):
        assert process_lock.is_held(tmp_path)
    assert not process_lock.is_held(tmp_path)
