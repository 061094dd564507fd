"""Where the launcher's cache may lie: only in a private folder of one's own, where programs can run."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from bootstrap.launch import cache
from tests.bootstrap.launch.starts import refused, start, told


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
    assert "/mnt/ragtrace-zipapp (execution is not allowed there)" in refused(done)


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


def test_a_folder_where_programs_cannot_be_run_is_refused(tmp_path, monkeypatch):
    cache.try_execution(str(tmp_path))
    assert list(tmp_path.iterdir()) == []

    def refuse(argv):
        raise PermissionError(13, "Permission denied", argv[0])

    monkeypatch.setattr(subprocess, "call", refuse)
    with pytest.raises(PermissionError):
        cache.try_execution(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
