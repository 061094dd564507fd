"""What the zipapp carries, used after the launcher: its programs are checked, and old caches go."""

from __future__ import annotations

import errno
import os
import sys
import time
import zipfile
from pathlib import Path

import pytest

from bootstrap.launch import cache
from shared.programs import embedded
from tests.bootstrap.launch.starts import small_zipapp


def test_a_program_that_the_zipapp_cannot_give_again_is_an_os_error(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, {"bin/uv": b"good"})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_bytes(b"evil")
    opened = {"zipapp": zipapp, "folder": str(tmp_path), "tree": str(tmp_path), "files": files}
    monkeypatch.setattr(cache, "opened", opened)
    with zipfile.ZipFile(zipapp, "w") as archive:
        archive.writestr("site-packages/bin/uv", b"also evil")
    with pytest.raises(OSError, match="damaged") as caught:
        embedded.program(cache, "uv")
    assert caught.value.filename == zipapp
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "x.pyz"]
    small_zipapp(tmp_path, {"bin/uv": b"good"})
    assert Path(embedded.program(cache, "uv")).read_bytes() == b"good"


@pytest.mark.parametrize("where", ["_EndRecData", "ZipExtFile.read"])
def test_a_medium_that_fails_is_not_told_as_damage(tmp_path, monkeypatch, where):
    zipapp, files = small_zipapp(tmp_path, {"bin/uv": b"good"})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_bytes(b"evil")
    opened = {"zipapp": zipapp, "folder": str(tmp_path), "tree": str(tmp_path), "files": files}
    monkeypatch.setattr(cache, "opened", opened)

    def refuse(*_arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(f"zipfile.{where}", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        embedded.program(cache, "uv")


def test_old_caches_go_but_for_the_newest_and_those_in_use(tmp_path):
    day = 86400
    ages = {"own": 90, "a": 1, "b": 40, "c": 50, "d": 60, "e": 29}
    for letter, age in ages.items():
        folder = tmp_path / f"{letter}.pyz_0123456789abcdef"
        folder.mkdir()
        os.utime(folder, (time.time() - age * day,) * 2)
    for name, age in ((".new-1", 2), (".old-2", 2), (".new-3", 0), ("somebody's", 900)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age * day,) * 2)
    embedded.prune(str(tmp_path), "own.pyz_0123456789abcdef")
    left = {path.name.removesuffix(".pyz_0123456789abcdef") for path in tmp_path.iterdir()}
    assert left == {"own", "a", "e", "b", ".new-3", "somebody's"}


def test_a_program_that_is_right_is_left_alone(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, {"bin/uv": b"good"})
    cache.build(zipapp, str(tmp_path), "x_0123456789abcdef", files)
    site = tmp_path / "x_0123456789abcdef" / "site-packages"
    opened = {"zipapp": "/gone", "folder": str(tmp_path), "tree": str(site), "files": files}
    monkeypatch.setattr(cache, "opened", opened)
    assert embedded.program(cache, "uv") == str(site / "bin" / "uv")


def test_the_launcher_is_known_where_it_ran(monkeypatch):
    monkeypatch.delitem(sys.modules, "launch.cache", raising=False)
    assert embedded.launcher() is None
    monkeypatch.setitem(sys.modules, "launch.cache", cache)
    assert embedded.launcher() is cache


def test_what_another_run_removes_meanwhile_is_no_trouble(tmp_path, monkeypatch):
    class Gone:
        name = ".new-x"

        def stat(self, *, follow_symlinks):
            raise FileNotFoundError(self.name)

    monkeypatch.setattr(os, "scandir", lambda _folder: [Gone()])
    embedded.prune(str(tmp_path), "own")
