from __future__ import annotations

import os

import pytest

from installer.layout import rights
from tests.validator.checking import look, look_all, release_of, site_of
from validator.check import ERROR, FAIL, PASS
from validator.checks.security.permissions import Permissions


def test_passes_as_installed(prefix) -> None:
    assert look(Permissions, prefix).status == PASS


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_settings_that_others_reach_fail(prefix, mode) -> None:
    prefix.env_file.chmod(mode)
    result = look(Permissions, prefix)
    assert result.status == FAIL
    assert result.evidence == {"exposed": [".env"]}
    assert result.command == f"chmod 600 {prefix.env_file}"


def test_a_prefix_that_anybody_can_write_fails(prefix) -> None:
    prefix.root.chmod(0o1777)  # the sticky bit keeps nobody from adding files
    result = look(Permissions, prefix)
    assert result.status == FAIL
    assert result.evidence == {"writable": [str(prefix.root)]}


def test_files_of_the_release_and_launchers_that_anybody_can_write_fail(prefix) -> None:
    module, launcher = site_of(prefix) / "demo_base.py", prefix.bin / "demo"
    module.chmod(0o666)
    launcher.chmod(0o757)
    result = look(Permissions, prefix)
    assert result.status == FAIL
    assert set(result.evidence["writable"]) == {str(module), str(launcher)}


def test_without_a_release_its_files_were_not_looked_at(prefix) -> None:
    release_of(prefix).complete_file.unlink()
    assert look(Permissions, prefix).status == ERROR


def test_both_are_told(prefix) -> None:
    prefix.env_file.chmod(0o644)
    release_of(prefix).app.chmod(0o777)
    assert [result.status for result in look_all(Permissions, prefix)] == [FAIL, FAIL]


def test_a_folder_that_cannot_be_read_was_not_looked_at(prefix, monkeypatch) -> None:
    closed, scandir = str(prefix.bin), os.scandir

    def refuse(path):
        if path == closed:
            raise PermissionError(13, os.strerror(13), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = look(Permissions, prefix)
    assert (result.status, closed in result.details) == (ERROR, True)


@pytest.mark.skipif(os.name == "nt", reason="owners say nothing there")
def test_who_may_not_take_a_file_gets_a_copy_of_it(prefix, monkeypatch) -> None:
    def refuse(*_arguments, **_options):
        raise PermissionError(1, "Operation not permitted")

    path = site_of(prefix) / "demo_base.py"
    before, number, above = path.read_bytes(), path.stat().st_ino, path.parent.stat().st_mode
    monkeypatch.setattr(os, "chown", refuse)
    item = rights.Wrong(str(path), 0o444, foreign=True)
    rights._repair(path, item, prefix.root.stat().st_uid)
    assert (path.read_bytes(), path.parent.stat().st_mode) == (before, above)
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.stat().st_ino != number


def test_what_was_found_is_told_although_another_folder_cannot_be_read(prefix, monkeypatch) -> None:
    release_of(prefix).app.chmod(0o777)
    scandir, closed = os.scandir, str(prefix.store)

    def refuse(folder):
        if str(folder) == closed:
            raise PermissionError(13, "Permission denied", closed)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [result.status for result in look_all(Permissions, prefix)] == [FAIL, ERROR]


def test_a_folder_in_bin_that_anybody_can_write_is_reported_and_left_alone(prefix) -> None:
    theirs = prefix.bin / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("x")
    (theirs / "file").chmod(0o664)
    theirs.chmod(0o777)
    assert look(Permissions, prefix).evidence == {"writable": [str(theirs)]}
    rights.repair(prefix, release_of(prefix))
    assert (theirs.lstat().st_mode & 0o777, (theirs / "file").lstat().st_mode & 0o777) == (0o777, 0o664)
