"""What is the user's comes back as it was: any name, kind, mode, time, link and hole that the filesystem takes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from bootstrap import cli
from installer.change import restore
from installer.install import preflight, probes, rollback
from installer.install.uninstall import uninstall
from installer.layout import journal
from installer.userdata import backup_files, backup_index, backups, copies, persist, userdata
from shared.errors import HostError, InstallError, TrustError
from shared.files import files, removal, trees
from tests.bundles import make_manifest
from tests.helpers import QUIET, install
from tests.installer.change.test_migration import migrating
from tests.installer.userdata.facts import HOLE, TIME, a_prefix, below, facts, grow
from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names, links and holes of POSIX")
NOBODY = 65534


# deep trees


def dig(folder: Path, depth: int, name: str = "d") -> None:
    with trees.Folder(folder) as here:
        for _level in range(depth):
            here.do(os.mkdir, name)
            here.down(name)
        os.close(here.create("bottom"))


@pytest.mark.parametrize(("depth", "name"), [(1500, "d"), (1200, "n" * 200)])
def test_deep_data_are_backed_up_restored_and_removed(empty, depth, name) -> None:
    dig(empty.data, depth, name)
    restore.create_backup(empty, QUIET)
    files.remove_tree(empty.data)
    restore.restore(empty, "latest", QUIET)
    assert sum(not entry.left for entry in trees.walk(empty.data)) == depth + 1
    assert [entry.here.depth for entry in trees.files(empty.data)] == [depth]
    uninstall(empty, QUIET, purge=True)
    assert not empty.root.exists()


def test_every_command_works_with_deep_data(prefix, tiny, tmp_path, host, capsys) -> None:
    dig(prefix.data / "data", 1200, "n" * 100)
    second = migrating(tmp_path / "second", tiny)
    (prefix.data / "data/notes.txt").write_text("note\n")
    install(second, prefix)
    rollback.rollback(prefix, QUIET)
    for words in (
        ["status"],
        ["backup"],
        ["validate"],
        ["recover", "--yes"],
        ["backup", "list"],
        ["uninstall", "--yes"],
    ):
        code = cli.main([*words, "--prefix", str(prefix.root)])
        reported = capsys.readouterr()
        assert code in (0, 1), (words, code, reported.err)
        assert "Traceback" not in reported.err
    files.remove_tree(prefix.root)


def test_a_release_that_somebody_dug_into_is_removed(prefix) -> None:
    release = prefix.active()
    os.chmod(release.app, 0o755)
    dig(release.app, 1500, "n" * 50)
    uninstall(prefix, QUIET)
    assert not release.path.exists()


# what stands for something else


def test_settings_that_are_a_link_stay_one(empty, tmp_path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text("KEY=1\n")
    empty.env_file.symlink_to(secrets)
    made = restore.create_backup(empty, QUIET).backup
    restore.restore(empty, made.name, QUIET)
    assert os.readlink(empty.env_file) == str(secrets)
    empty.env_file.unlink()
    empty.env_file.write_text("KEY=2\n")
    restored = restore.restore(empty, made.name, QUIET)
    assert os.readlink(empty.env_file) == str(secrets)
    restore.restore(empty, restored.before.name, QUIET)
    assert not empty.env_file.is_symlink()
    assert (empty.env_file.read_text(), secrets.read_text()) == ("KEY=2\n", "KEY=1\n")


def test_settings_are_not_restored_into_the_place_of_a_folder(empty) -> None:
    empty.env_file.write_text("KEY=1\n")
    made = restore.create_backup(empty, QUIET).backup
    empty.env_file.unlink()
    (empty.env_file / "inner").mkdir(parents=True)
    with pytest.raises(HostError, match=r"prefix/\.env is a folder; settings must be a file"):
        restore.restore(empty, made.name, QUIET)
    assert journal.read(empty) is None
    assert (empty.env_file / "inner").is_dir()


def test_data_stay_in_their_place_where_others_cannot_be_moved_there(empty, monkeypatch) -> None:
    (empty.data / "notes.txt").write_text("one")
    made = restore.create_backup(empty, QUIET).backup
    (empty.data / "notes.txt").write_text("two")
    replace_file = files.replace

    def refuse(source, target):
        if target == empty.data and source.name == "data":
            raise PermissionError(13, "Permission denied", str(source), None, str(target))
        replace_file(source, target)

    with monkeypatch.context() as host:
        host.setattr(userdata, "_exchange_at_once", lambda *_paths: False)
        host.setattr(files, "replace", refuse)
        with pytest.raises(InstallError, match="Permission denied"):
            restore.restore(empty, made.name, QUIET)
        assert (empty.data / "notes.txt").read_text() == "two"
    restore.create_backup(empty, QUIET)  # any command finishes what was begun
    assert (empty.data / "notes.txt").read_text() == "one"
    assert not list(empty.root.glob("data.moved"))


@pytest.mark.parametrize("name", [".env", "data", ""])
def test_what_nobody_may_replace_is_told_before_anything_is_exchanged(empty, name) -> None:
    kinds = pytest.importorskip("tests.reliability.spoil_kinds")  # of POSIX alone
    empty.env_file.write_text("KEY=1\n")
    (empty.data / "notes.txt").write_text("one")
    made = restore.create_backup(empty, QUIET).backup
    empty.env_file.write_text("KEY=2\n")
    (empty.data / "notes.txt").write_text("two")
    path = empty.root / name
    try:
        kinds.immutable(path)
    except kinds.NotThereError:
        pytest.skip("this filesystem has no attributes, or only root may set them")
    try:
        with pytest.raises(HostError, match="Operation not permitted, it is immutable") as refused:
            restore.restore(empty, made.name, QUIET)
    finally:
        kinds.immutable(path, on=False)
    assert str(path) in refused.value.what
    assert "chattr -i" in refused.value.advice
    assert journal.read(empty) is None
    assert (empty.env_file.read_text(), (empty.data / "notes.txt").read_text()) == ("KEY=2\n", "two")
    assert not list(empty.root.glob(".ragtrace-*"))


def test_what_lies_in_the_place_of_a_file_that_is_being_laid_is_never_written_through(prefix, tiny, tmp_path) -> None:
    outside, written = tmp_path / "outside.txt", prefix.data / "data/new.csv"
    outside.write_text("of somebody\n")
    written.with_name(persist.TEMPORARY).symlink_to(outside)
    key = tiny.key.with_suffix("")
    install(tiny_bundle(tmp_path / "n", counter=COUNTER + 1, sources={"data/new.csv": "a\n"}, key=key), prefix)
    assert outside.read_text() == "of somebody\n"
    assert (written.is_symlink(), written.read_text()) == (False, "a\n")


def old_form(backup: Path) -> None:
    """Rewrite an index as the format before had it."""
    value = json.loads((backup / backup_index.INDEX).read_bytes())
    above: list[str] = []
    rows = []
    for depth, name, content, mode, moment, _link in value["files"]:
        above[depth:] = [name]
        rows.append(["/".join(above), content, mode, moment])
    rows.sort(key=lambda row: (row[0].count("/"), row[0]))  # folder by folder
    wanted = {key: value[key] for key in ("created", "reason", "release", "layout")}
    (backup / backup_index.INDEX).write_text(json.dumps({**wanted, "format": 2, "files": rows}))


def test_a_backup_of_the_format_before_is_restored_and_leaves_a_link_as_settings(empty, tmp_path) -> None:
    (empty.data / "b/c").mkdir(parents=True)
    (empty.data / "b/c/file").write_text("1\n")
    (empty.data / "b.txt").write_text("2\n")
    (empty.data / "link").symlink_to("b/c")
    wanted = facts(empty.data)
    made = restore.create_backup(empty, QUIET).backup
    old_form(made.path)
    files.remove_tree(empty.data)
    empty.env_file.symlink_to(tmp_path / "secrets")
    restore.restore(empty, made.name, QUIET)
    assert facts(empty.data) == wanted
    assert os.readlink(empty.env_file) == str(tmp_path / "secrets")


def test_sockets_and_pipes_are_left_out_and_named(empty, host, capsys) -> None:
    os.mkfifo(empty.data / "pipe")
    (empty.data / "sub").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(empty.data / "sub/socket"))
        (empty.data / "file").write_text("x")
        assert cli.main(["backup", "--json", "--prefix", str(empty.root)]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["left_out"] == ["data/pipe", "data/sub/socket"]
    assert cli.main(["backup", "--prefix", str(empty.root)]) == 0
    assert "data/pipe" in capsys.readouterr().out
    assert copies.copy_tree(empty.data, empty.root / "copy") == [
        str(empty.data / "pipe"),
        str(empty.data / "sub/socket"),
    ]


def test_names_in_an_index_that_lead_elsewhere_are_refused(empty) -> None:
    (empty.data / "file").write_text("x")
    made = restore.create_backup(empty, QUIET).backup
    index = made.path / backup_index.INDEX
    value = json.loads(index.read_bytes())
    for number, (depth, name) in enumerate([(1, ".."), (1, "a/b"), (1, "a%00b"), (0, "../x"), (5, "x"), (0, "/etc/x")]):
        bent = json.loads(json.dumps(value))
        bent["files"][1][:2] = [depth, name]
        index.write_text(json.dumps(bent))
        with pytest.raises(TrustError):
            backup_index.read_backup(made.path)
        assert backups.list_backups(empty) == [], number


def test_more_than_an_index_takes_is_refused_by_its_writer(empty, monkeypatch) -> None:
    monkeypatch.setattr(backup_index, "ENTRIES_LIMIT", 2)
    (empty.data / "a").touch()
    (empty.data / "b").touch()
    with pytest.raises(HostError, match="than a backup can hold"):
        restore.create_backup(empty, QUIET)
    assert backups.leftovers(empty) == []


# order


def test_the_order_of_backups_is_not_the_clocks(empty, monkeypatch) -> None:
    made = []
    for number in range(8):
        (empty.data / "file").write_text(f"{number}\n")
        name = f"{2030 - number}0101T000000Z-manual"
        monkeypatch.setattr(backups, "new_name", lambda _prefix, _reason, name=name: name)
        made.append(restore.create_backup(empty, QUIET).backup.name)
        assert backups.find(empty, "latest").name == name
    assert [backup.name for backup in backups.list_backups(empty)] == made[-5:]


def test_older_backups_keep_their_place_before_numbered_ones(empty) -> None:
    for name in ("20990101T000000Z-manual", "20980101T000000Z-manual"):
        old_form(backups.create(empty, name))
    backups.create(empty, "20260101T000000Z-manual")
    found = [backup.name[:4] for backup in backups.list_backups(empty)]
    assert found == ["2098", "2099", "2026"]


# other filesystems


@pytest.fixture
def mounted(empty):
    """Give a folder of the data that is a mount point, if this user may mount."""
    place = empty.data / "x"
    place.mkdir()
    tool = shutil.which("mount")
    if tool is None or os.geteuid() != 0 or os.spawnv(os.P_WAIT, tool, [tool, "-t", "tmpfs", "none", str(place)]) != 0:
        pytest.skip("needs the right to mount")
    yield place
    os.spawnv(os.P_WAIT, shutil.which("umount"), ["umount", str(place)])


@pytest.mark.parametrize("name", [".env", "data"])
def test_what_is_mounted_from_the_same_filesystem_is_told_before_anything_is_exchanged(empty, tmp_path, name) -> None:
    """As a container has its settings and its data."""
    empty.env_file.write_text("KEY=1\n")
    made = restore.create_backup(empty, QUIET).backup
    place, tool = empty.root / name, shutil.which("mount")
    shutil.copytree(place, tmp_path / name) if place.is_dir() else shutil.copy2(place, tmp_path / name)
    if tool is None or os.spawnv(os.P_WAIT, tool, ["mount", "--bind", str(tmp_path / name), str(place)]):
        pytest.skip("needs the right to mount")
    try:
        with pytest.raises(HostError, match="mount point"):
            restore.restore(empty, made.name, QUIET)
    finally:
        os.spawnv(os.P_WAIT, shutil.which("umount"), ["umount", str(place)])
    assert journal.read(empty) is None
    restore.restore(empty, made.name, QUIET)


def test_a_filesystem_in_the_data_is_backed_up_and_never_exchanged_or_emptied(empty, mounted) -> None:
    (mounted / "file").write_text("there\n")
    made = restore.create_backup(empty, QUIET).backup
    assert (made.path / "files/data/x/file").read_text() == "there\n"
    for act in (lambda: restore.restore(empty, "latest", QUIET), lambda: userdata.require_movable(empty)):
        with pytest.raises(HostError, match=r"data/x is a mount point"):
            act()
    with pytest.raises(OSError, match="busy"):
        files.remove_tree(empty.data)
    assert (mounted / "file").read_text() == "there\n"


def test_files_are_laid_into_a_filesystem_in_the_data(prefix, tiny, tmp_path) -> None:
    place = prefix.data / "data"
    shutil.rmtree(place)
    place.mkdir()
    tool = shutil.which("mount")
    if tool is None or os.geteuid() != 0 or os.spawnv(os.P_WAIT, tool, [tool, "-t", "tmpfs", "none", str(place)]) != 0:
        pytest.skip("needs the right to mount")
    try:
        key = tiny.key.with_suffix("")
        install(tiny_bundle(tmp_path / "n", counter=COUNTER + 1, sources={"data/new.csv": "a\n"}, key=key), prefix)
        assert (place / "new.csv").read_text() == "a\n"
        assert not [name for name in os.listdir(place) if name.startswith(".ragtrace")]
    finally:
        os.spawnv(os.P_WAIT, shutil.which("umount"), ["umount", str(place)])


# links in data that are migrated


@pytest.mark.parametrize("target", ["/etc/passwd", "../../elsewhere", "..", "sub/../../../x", "deep/../x"])
def test_a_link_that_leads_out_of_the_data_is_refused_for_a_migration(empty, target) -> None:
    (empty.data / "sub").mkdir()
    (empty.data / "link").symlink_to(target)
    with pytest.raises(HostError, match=r"data/link is a link that leads out of the data"):
        userdata.require_closed(empty.data)


@pytest.mark.parametrize("target", ["sub/file", "nowhere", "."])
def test_a_link_that_stays_in_the_data_is_kept(empty, target) -> None:
    (empty.data / "sub").mkdir()
    (empty.data / "link").symlink_to(target)
    (empty.data / "sub/up").symlink_to("../link")
    userdata.require_closed(empty.data)


def test_a_migration_never_writes_through_a_link(prefix, tiny, tmp_path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("of somebody\n")
    (prefix.data / "data/notes.txt").symlink_to(outside)
    before, first = below(prefix.data), prefix.active()
    with pytest.raises(HostError, match=r"data/data/notes\.txt is a link that leads out of the data"):
        install(migrating(tmp_path / "second", tiny), prefix)
    assert (below(prefix.data), prefix.active(), outside.read_text()) == (before, first, "of somebody\n")


def test_a_migration_that_fails_changed_no_name_of_a_file(prefix, tiny, tmp_path) -> None:
    outside = tmp_path / "outside.txt"
    (prefix.data / "data/notes.txt").write_text("mine\n")
    os.link(prefix.data / "data/notes.txt", outside)
    before = below(prefix.data)
    with pytest.raises(InstallError):
        install(migrating(tmp_path / "second", tiny, code="3"), prefix)
    assert (below(prefix.data), outside.read_text()) == (before, "mine\n")


def test_strange_data_survive_an_upgrade_and_a_rollback(prefix, tiny, tmp_path) -> None:
    folder = os.fsencode(prefix.data / "data")
    tree = {
        b"back\\slash": ("file", [(0, b"x")], 0o640, TIME),
        b"\xff\xfe": ("file", [(HOLE, b"y"), (HOLE, b"z")], 0o600, TIME),
        b"new\nline": ("folder", {b"CON": ("link", b"../back\\slash", None, TIME)}, 0o2770, TIME),
    }
    made: list[bytes] = []
    grow(folder, tree, made)
    os.link(made[0], os.path.join(folder, b"another name"))
    (prefix.data / "data/notes.txt").write_text("note\n")
    before = below(prefix.data)
    install(migrating(tmp_path / "second", tiny), prefix)
    stored = {path: what for path, what in below(prefix.data).items() if path in before and what[4] is not None}
    assert {path: before[path] for path in stored} == stored
    assert len(stored) == len([what for what in before.values() if what[4] is not None]) - 1  # the notes are migrated
    rollback.rollback(prefix, QUIET)
    assert below(prefix.data) == before
    restore.restore(prefix, backups.list_backups(prefix)[0].name, QUIET)
    assert below(prefix.data) == before
    assert userdata.layout(prefix) == 0
    assert backup_files.bytes_to_copy(prefix, None) < HOLE


# what this user cannot look into


@pytest.fixture
def nobody(host):
    """Be a user whom rights bind, in a folder of his own."""
    root = os.geteuid() == 0
    if root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        with a_prefix() as prefix:
            yield prefix
    finally:
        if root:
            os.setresuid(0, 0, 0)


def test_data_that_cannot_be_looked_into_are_named_before_a_run_and_stay_when_all_else_goes(nobody) -> None:
    locked = nobody.data / "a"
    locked.mkdir()
    (locked / "file").touch()
    locked.chmod(0)
    assert [finding.fits for finding in preflight._space(make_manifest(), nobody)] == [True]
    assert [finding.details for finding in probes.copying(nobody)] == [
        f"{locked} cannot be read, but must be backed up"
    ]
    removal = uninstall(nobody, QUIET)
    assert nobody.data in removal.stays
    assert not nobody.releases.exists()
    locked.chmod(0o700)
    assert (locked / "file").exists()


@pytest.mark.skipif(not trees.BY_DESCRIPTOR, reason="folders by path")
def test_a_link_in_the_place_of_a_folder_to_be_removed_leads_nowhere(tmp_path) -> None:
    """Whoever may write above it could put one there between the look at it and the removal."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "link").symlink_to("kept")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        removal.remove(tmp_path / "link")
    assert (tmp_path / "kept" / "file").exists()
