from __future__ import annotations

import os
import sys

import pytest

from shared.files import files, removal, trees


@pytest.mark.parametrize("kind", ["file", "tree"])
def test_what_another_run_removes_at_the_same_time_is_gone_as_well(tmp_path, monkeypatch, kind) -> None:
    path = tmp_path / "path"
    if kind == "file":
        path.touch()
    else:
        path.mkdir()
    real = files.is_link

    def first(here):
        found = real(here)
        os.remove(here) if kind == "file" else os.rmdir(here)
        return found

    monkeypatch.setattr(files, "is_link", first)
    files.remove_tree(path)
    assert not os.path.lexists(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links to themselves")
@pytest.mark.parametrize("above", ["a file", "a link to itself"])
def test_what_cannot_be_there_is_missing(tmp_path, above) -> None:
    if above == "a file":
        (tmp_path / "above").touch()
    else:
        (tmp_path / "above").symlink_to("above")
    files.remove_tree(tmp_path / "above/below")
    assert os.path.lexists(tmp_path / "above")


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that is open stays there")
def test_a_folder_that_goes_while_a_tree_is_removed_is_in_no_way(tmp_path, monkeypatch) -> None:
    (tmp_path / "tree/inner").mkdir(parents=True)
    (tmp_path / "tree/other").mkdir()
    real = trees.Folder.up

    def up(here):
        name = real(here)
        (tmp_path / "tree" / name).rmdir()
        return name

    monkeypatch.setattr(trees.Folder, "up", up)
    files.remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_a_missing_file_that_is_not_the_tree_is_an_error(tmp_path, monkeypatch) -> None:
    def lost(_path):
        raise FileNotFoundError(2, "No such file or directory", "elsewhere")

    (tmp_path / "tree").mkdir()
    monkeypatch.setattr(removal, "remove", lost)
    with pytest.raises(FileNotFoundError):
        files.remove_tree(tmp_path / "tree")
