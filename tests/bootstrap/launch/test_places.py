"""Where the launcher's cache may lie: only in a private folder of one's own, where programs can run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bootstrap.launch import cache
from bootstrap.launch.words import Refusal
from tests.bootstrap.launch.starts import refused, small_zipapp, start, told


@pytest.mark.index
def test_a_home_that_cannot_be_written_leaves_the_temporary_folder(probe, tmp_path):
    found = told(start(probe, "/proc/nobody", TMPDIR=str(tmp_path)))
    assert found["env"]["RAGTRACE_CACHE_ROOT"] == str(tmp_path / f"ragtrace-zipapp-{os.geteuid()}")
    assert (tmp_path / f"ragtrace-zipapp-{os.geteuid()}").stat().st_mode & 0o777 == 0o700


@pytest.mark.index
def test_the_cache_that_is_asked_for_is_the_only_one(probe, home, tmp_path):
    found = told(start(probe, home, RAGTRACE_CACHE=str(tmp_path / "given")))
    assert found["env"]["RAGTRACE_CACHE_ROOT"] == str(tmp_path / "given" / "ragtrace-zipapp")
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert str(blocked) in refused(start(probe, home, RAGTRACE_CACHE=str(blocked)))
    assert list(home.iterdir()) == []


@pytest.mark.index
@pytest.mark.host
def test_a_cache_where_nothing_may_be_executed_is_passed_over(probe, closed_host):
    host = closed_host("bookworm")
    shutil.copy(probe, host.root / "root" / "probe.pyz")
    assert host.run("mount", "-t", "tmpfs", "-o", "noexec", "none", "/mnt").ok
    found = told(host.run("python3", "/root/probe.pyz", "imports", env={"XDG_CACHE_HOME": "/mnt"}))
    assert found["uv"][0].startswith("/root/.cache/ragtrace-zipapp/")
    done = host.run("python3", "/root/probe.pyz", env={"RAGTRACE_CACHE": "/mnt"})
    assert "/mnt/ragtrace-zipapp (it is on a filesystem mounted with noexec)" in refused(done)


def test_a_folder_that_others_could_change_is_refused(tmp_path):
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError, match="not a real folder"):
        cache.private_folder(str(tmp_path / "link"))
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(OSError, match="another user could replace it"):
        cache.private_folder(str(tmp_path / "open" / "mine"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o755)
    cache.private_folder(str(tmp_path / "mine"))
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_or_below_one_is_refused(tmp_path):
    (tmp_path / "theirs" / "cache").mkdir(parents=True)
    (tmp_path / "theirs").chmod(0o755)
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(OSError, match="belongs to another user"):
        cache.private_folder(str(tmp_path / "theirs"))
    with pytest.raises(OSError, match="another user could replace it"):
        cache.private_folder(str(tmp_path / "theirs" / "cache"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another group")
def test_below_a_folder_that_a_group_can_write_nothing_is_made(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, 0, 12345)
    shared.chmod(0o775)
    with pytest.raises(OSError, match="another user could replace it"):
        cache.private_folder(str(shared / "deep" / "cache"))
    assert list(shared.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_in_the_home_of_another_user_nothing_is_made(tmp_path):
    (tmp_path / "home").mkdir()
    os.chown(tmp_path / "home", 12345, 12345)
    with pytest.raises(OSError, match="another user could replace it"):
        cache.private_folder(str(tmp_path / "home" / ".cache" / "ragtrace-zipapp"))
    assert list((tmp_path / "home").iterdir()) == []


def test_a_folder_where_programs_cannot_be_run_is_refused(tmp_path, monkeypatch):
    cache.try_execution(str(tmp_path))
    assert list(tmp_path.iterdir()) == []

    def refuse(argv):
        raise PermissionError(13, "Permission denied", argv[0])

    monkeypatch.setattr(subprocess, "call", refuse)
    with pytest.raises(PermissionError):
        cache.try_execution(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


# in this very process


def found(monkeypatch, platform, name, environment):
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(sys, "platform", platform)
    with monkeypatch.context() as system:
        system.setattr(os, "name", name)
        return cache.places()


MINE = f"{cache.LEAF}-{os.geteuid()}"


@pytest.mark.parametrize(
    ("platform", "name", "environment", "expected"),
    [
        ("linux", "posix", {"RAGTRACE_CACHE": "/given", "HOME": "/h"}, [f"/given/{cache.LEAF}"]),
        (
            "linux",
            "posix",
            {"HOME": "/h", "XDG_CACHE_HOME": "/x", "TMPDIR": "/t", "TEMP": "relative"},
            [f"/x/{cache.LEAF}", f"/h/.cache/{cache.LEAF}", f"/t/{MINE}", f"/tmp/{MINE}", f"/var/tmp/{MINE}"],
        ),
        # what is empty names the root folder of nobody
        (
            "linux",
            "posix",
            {"HOME": "/h", "XDG_CACHE_HOME": "", "TMPDIR": "", "RAGTRACE_CACHE": ""},
            [f"/h/.cache/{cache.LEAF}", f"/tmp/{MINE}", f"/var/tmp/{MINE}"],
        ),
        (
            "darwin",
            "posix",
            {"HOME": "/Users/u"},
            [f"/Users/u/Library/Caches/{cache.LEAF}", f"/tmp/{MINE}", f"/var/tmp/{MINE}"],
        ),
        ("win32", "nt", {"LOCALAPPDATA": "/l", "TEMP": "/t"}, [f"/l/{cache.LEAF}", f"/t/{cache.LEAF}"]),
    ],
)
def test_each_system_has_its_places(monkeypatch, platform, name, environment, expected):
    assert found(monkeypatch, platform, name, environment) == expected


def test_a_home_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        cache.private_folder(str(tmp_path / "home" / ".cache" / cache.LEAF))
    assert list(tmp_path.iterdir()) == []
    assert cache.private_folder(str(tmp_path / ".cache" / cache.LEAF)) == str(tmp_path / ".cache" / cache.LEAF)


def test_the_access_list_of_a_windows_profile_is_left_alone(tmp_path, monkeypatch):
    with monkeypatch.context() as system:
        system.setattr(os, "name", "nt")
        assert cache.private_folder(str(tmp_path / "c")) == str(tmp_path / "c")
        cache.try_execution(str(tmp_path / "c"))
    assert (tmp_path / "c").is_dir()


def test_a_junction_is_not_a_real_folder(tmp_path, monkeypatch):
    (tmp_path / "c").mkdir(0o700)
    real = os.lstat(tmp_path / "c")
    junction = SimpleNamespace(st_mode=real.st_mode, st_uid=real.st_uid, st_file_attributes=cache.REPARSE_POINT)
    monkeypatch.setattr(os, "lstat", lambda _path: junction)
    with pytest.raises(OSError, match="not a real folder"):
        cache.private_folder(str(tmp_path / "c"))


def test_the_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / "c").mkdir(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(OSError, match="belongs to another user"):
        cache.private_folder(str(tmp_path / "c"))


def test_a_filesystem_without_execution_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_flag=os.ST_NOEXEC))
    with pytest.raises(OSError, match="mounted with noexec"):
        cache.private_folder(str(tmp_path / "c"))


def test_a_host_that_does_not_tell_how_it_is_mounted_is_taken(tmp_path, monkeypatch):
    def refuse(_path):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "statvfs", refuse)
    assert cache.private_folder(str(tmp_path / "c")) == str(tmp_path / "c")


def test_a_host_without_a_shell_may_execute(tmp_path, monkeypatch):
    def no_shell(argv):
        raise FileNotFoundError(argv)

    monkeypatch.setattr(subprocess, "call", no_shell)
    cache.try_execution(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotADirectoryError):  # nothing can be written there
        cache.try_execution(os.devnull)


def test_the_first_place_that_serves_is_taken_and_the_others_are_told(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"1"})
    facts = {"build_id": "0123456789abcdef", "files": files}
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    monkeypatch.setattr(cache, "opened", {})
    monkeypatch.setenv(cache.ROOT_VARIABLE, "")
    monkeypatch.setattr(cache, "places", lambda: [str(blocked)])
    with pytest.raises(Refusal, match=r"No folder is usable .*blocked \(not a real folder\)"):
        cache.open_cache(zipapp, facts)
    assert cache.opened == {}
    monkeypatch.setattr(cache, "places", lambda: [str(blocked), str(tmp_path / "good"), str(tmp_path / "other")])
    cache.open_cache(zipapp, facts)
    assert os.environ[cache.ROOT_VARIABLE] == cache.opened["folder"] == str(tmp_path / "good")
    assert not (tmp_path / "other").exists()


def test_a_cache_that_is_right_is_only_marked_as_used(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"1"})
    facts = {"build_id": "0123456789abcdef", "files": files}
    monkeypatch.setattr(cache, "opened", {})
    monkeypatch.setenv(cache.ROOT_VARIABLE, "")
    monkeypatch.setattr(cache, "places", lambda: [str(tmp_path / "good")])
    cache.open_cache(zipapp, facts)
    home = tmp_path / "good" / "x.pyz_0123456789abcdef"
    os.utime(home, (0, 0))
    monkeypatch.setattr(cache, "build", lambda *_: pytest.fail("built again"))
    cache.open_cache(zipapp, facts)
    assert home.stat().st_mtime > 0

    def read_only(_path):
        raise PermissionError

    monkeypatch.setattr(os, "utime", read_only)
    cache.open_cache(zipapp, facts)
