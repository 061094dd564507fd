"""A folder that is not ours is refused by every command, and one that is being made or removed still counts as ours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bootstrap import cli
from installer.install.uninstall import uninstall
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from shared.files import files
from shared.terminal.progress import NoProgress
from tests.helpers import snapshot
from tests.tiny import install_tiny

if TYPE_CHECKING:
    from tests.tiny import Tiny

COMMANDS = (
    ("status",),
    ("validate",),
    ("recover", "--yes"),
    ("rollback",),
    ("backup",),
    ("backup", "list"),
    ("backup", "restore", "latest"),
    ("history",),
    ("audit-log", "show"),
    ("uninstall", "--yes"),
)


@pytest.fixture
def theirs(tmp_path):
    """Give a folder of somebody else's program, which keeps a state of its own."""
    root = tmp_path / "theirs"
    (root / "state" / "logs").mkdir(parents=True)
    (root / "state" / "index.db").write_text("kept")
    (root / "bin").mkdir()
    return root


def run(capsys, *words: str) -> tuple[int, str]:
    try:
        code = cli.main(list(words))
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_folder_that_is_not_ours_is_refused(theirs, host, capsys, words) -> None:
    before = snapshot(theirs)
    code, said = run(capsys, *words, "--prefix", str(theirs))
    assert code == 4
    assert f"{theirs} was not created by this installer." in said
    assert snapshot(theirs) == before


def test_nor_is_anything_installed_into_it(theirs, host, capsys, tiny: Tiny) -> None:
    before = snapshot(theirs)
    code, said = run(capsys, "install", str(tiny.folder), "--trust-key", str(tiny.key), "--prefix", str(theirs))
    assert code == 4
    assert "contains files that this tool did not create" in said
    assert snapshot(theirs) == before


@pytest.mark.parametrize("inside", ["releases/inner", "data/a/b", "inner"])
def test_nor_inside_another_installation(prefix, host, capsys, tmp_path, tiny: Tiny, inside) -> None:
    (tmp_path / "link").symlink_to(prefix.root)
    before, root = snapshot(prefix.root), tmp_path / "link" / inside
    code, said = run(capsys, "install", str(tiny.folder), "--trust-key", str(tiny.key), "--prefix", str(root))
    assert code == 4
    assert f"{root} is inside another installation ({prefix.root})" in said
    assert snapshot(prefix.root) == before


def test_a_state_that_is_a_link_is_not_ours(prefix, tmp_path) -> None:
    prefix.state.rename(tmp_path / "elsewhere")
    prefix.state.symlink_to(tmp_path / "elsewhere")
    assert not prefix.exists


def test_ours_with_somebodys_notes_in_it_stays_ours(prefix) -> None:
    (prefix.root / "notes.txt").write_text("mine")
    (prefix.state / "notes.txt").write_text("mine")
    assert prefix.exists


def test_one_that_is_just_being_made_is_ours(tmp_path) -> None:
    prefix = Prefix(tmp_path / "new")
    prefix.state.mkdir(parents=True)
    assert prefix.exists
    (prefix.root / "src").mkdir()
    assert not prefix.exists


def test_what_tells_that_it_is_ours_is_on_the_disk_first(tmp_path, monkeypatch) -> None:
    prefix = Prefix(tmp_path / "prefix")
    synced = []
    monkeypatch.setattr(files, "sync_folder", lambda folder: synced.append({path.name for path in folder.iterdir()}))
    prefix.make()
    assert synced == [{"state"}]


def test_and_what_is_removed_is_gone_before_it_goes(tmp_path, tiny: Tiny, monkeypatch) -> None:
    prefix = install_tiny(tiny, tmp_path / "prefix")
    synced = []
    monkeypatch.setattr(files, "sync_filesystem", lambda path: synced.append({entry.name for entry in path.iterdir()}))
    uninstall(prefix, NoProgress())
    assert synced[-1] <= {"state", "data", "backups", ".env"}


@pytest.mark.parametrize("words", [("status",), ("install",)])
def test_an_empty_prefix_is_a_mistake(host, capsys, monkeypatch, tmp_path, words) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run(capsys, *words, "--prefix", "")
    assert code == 2
    assert "--prefix" in said
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_refused_first_installation_leaves_nothing(host, capsys, tiny: Tiny, tmp_path, monkeypatch) -> None:
    from installer.install import preflight

    found = preflight.HostResult("Space", False, "0 bytes free", "Free some.")
    asked = []

    def later(*_arguments: object) -> list[preflight.HostResult]:
        asked.append(1)
        return [found] if len(asked) == refused else []

    monkeypatch.setattr(preflight, "preflight", later)
    for refused in (1, 2):  # 2: what changed between the look from outside and the one under the lock
        asked.clear()
        root = tmp_path / f"app{refused}"
        code, said = run(capsys, "install", str(tiny.folder), "--trust-key", str(tiny.key), "--prefix", str(root))
        assert code == 4, said
        assert not root.exists()
        assert list((host / ".local/state/ragtrace/logs").glob("*-install-*.log"))


@pytest.mark.skipif(sys.platform == "win32", reason="what is active is a file there")
def test_a_folder_in_the_place_of_the_link_is_moved_and_kept(prefix) -> None:
    release = prefix.active()
    prefix.current.unlink()
    (prefix.current / "theirs").mkdir(parents=True)
    prefix.set_current(release)
    assert prefix.active() == release
    assert (prefix.root / f"current.moved-{release.id}" / "theirs").is_dir()


def test_what_somebody_left_in_a_removed_installation_does_not_hinder_the_next(prefix, tiny) -> None:
    (prefix.bin / "own-script").write_text("mine")
    (prefix.root / f"current.moved-{prefix.active().id}").mkdir()
    uninstall(prefix, NoProgress())
    assert prefix.is_left
    install_tiny(tiny, prefix.root)
    assert (prefix.bin / "own-script").read_text() == "mine"


def test_what_is_not_ours_survives_every_removal_and_is_named(prefix, tiny) -> None:
    theirs = [prefix.bin / "python3", prefix.state / "notes", prefix.state / ".hidden", prefix.releases / "mine"]
    theirs += [prefix.store.parent / "copy", prefix.store / "ab" / "file.whl"]
    theirs[-1].parent.mkdir(exist_ok=True)
    for path in theirs:
        path.write_text("mine")
    Store(prefix.store).collect(set())
    stays = uninstall(prefix, NoProgress()).stays
    assert set(theirs) <= set(stays)
    assert not prefix.exists
    assert prefix.is_left
    install_tiny(tiny, prefix.root)
    assert set(theirs) <= set(uninstall(prefix, NoProgress(), purge=True).stays)
    assert {path.read_text() for path in theirs} == {"mine"}
