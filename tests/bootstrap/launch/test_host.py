"""Which hosts and Pythons the launcher refuses, and in which words."""

from __future__ import annotations

import importlib.machinery
import os
import shutil
import subprocess
import sys

import pytest

from bootstrap import launch
from bootstrap.launch import host
from bootstrap.launch.host import check_host, check_modules, check_python, glibc
from bootstrap.launch.words import Refusal
from bundle.target import PYTHONS
from tests.bootstrap.launch.starts import interpreter, refused, start, told, tree

TOO_OLD = ("2.7", "3.6", "3.7", "3.8")
FACTS = {"platform": "linux", "architecture": "x86_64", "glibc": [2, 17], "suffixes": [".so"]}


@pytest.mark.index
@pytest.mark.parametrize("version", PYTHONS)
def test_it_runs_on_each_python_with_all_that_it_brings(probe, home, version):
    found = told(start(probe, home, "imports", python=interpreter(version)))
    assert found["uv"] == [str(tree(home) / "bin" / "uv")] * 2
    assert found["cores"] == os.cpu_count()
    assert found["flags"] == [1, True]


@pytest.mark.index
@pytest.mark.parametrize("version", TOO_OLD)
def test_a_python_too_old_is_told_so(probe, home, version):
    python = interpreter(version)
    first = refused(start(probe, home, python=python))
    assert "requires CPython 3.9.2 to 3.15" in first
    assert str(python) in first
    assert list(home.iterdir()) == []


@pytest.mark.index
@pytest.mark.host
def test_a_python_without_its_library_is_told_which_package_to_install(probe, closed_host):
    closed = closed_host("bookworm-minimal")
    shutil.copy(probe, closed.root / "root" / "probe.pyz")
    done = closed.run("python3", "/root/probe.pyz")
    assert "tarfile" in refused(done)
    assert "package python3" in done.stderr


@pytest.mark.index
@pytest.mark.host
@pytest.mark.parametrize("name", ["bullseye", "trixie"])
def test_it_runs_for_an_ordinary_user_of_a_bare_debian(probe, closed_host, name):
    closed = closed_host(name)
    shutil.copy(probe, closed.root / "tmp" / "probe.pyz")
    done = closed.run("python3", "/tmp/probe.pyz", "imports", user="operator")
    assert told(done)["uv"][0].startswith("/home/operator/.cache/ragtrace-zipapp/")


@pytest.fixture
def linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(importlib.machinery, "EXTENSION_SUFFIXES", [".so"])
    monkeypatch.setattr(host, "glibc", lambda: (2, 17))
    check_host(FACTS)
    return monkeypatch


@pytest.mark.parametrize("suffix", [".cpython-%d%dt-x86_64-linux-gnu.so", ".cp%d%dt-win_amd64.pyd"])
def test_a_free_threaded_build_is_refused(linux, suffix):
    linux.setattr(importlib.machinery, "EXTENSION_SUFFIXES", [suffix % sys.version_info[:2], ".so"])
    with pytest.raises(Refusal, match="free-threaded"):
        check_host(FACTS)


def test_another_platform_architecture_or_c_library_is_refused(linux):
    with pytest.raises(Refusal, match=r"built for windows-x86_64, but .* is a Python interpreter for linux"):
        check_host({**FACTS, "platform": "windows"})
    with pytest.raises(Refusal, match="built for linux-x86_64"):
        check_host({**FACTS, "suffixes": [".other.so"]})
    for found, shown in (((2, 12), "2.12"), ((0, 0), "none")):
        linux.setattr(host, "glibc", lambda found=found: found)
        with pytest.raises(Refusal, match=f"glibc 2.17 or later; this host has {shown}"):
            check_host(FACTS)


def test_musl_and_glibc_are_told_apart(linux):
    facts = {**FACTS, "platform": "musllinux", "glibc": None}
    with pytest.raises(Refusal, match="built for musllinux-x86_64"):
        check_host(facts)
    linux.setattr(host, "glibc", lambda: (0, 0))
    check_host(facts)


def test_a_mac_is_told_by_its_machine(linux):
    linux.setattr(sys, "platform", "darwin")
    facts = {**FACTS, "platform": "macos", "glibc": None, "architecture": os.uname().machine}
    check_host(facts)
    with pytest.raises(Refusal, match="built for macos-ppc"):
        check_host({**facts, "architecture": "ppc"})


def test_the_c_library_is_asked_for_its_version(monkeypatch):
    monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.36")
    assert glibc() == (2, 36)
    monkeypatch.setattr(os, "confstr", lambda name: None)  # musl
    assert glibc() == (0, 0)


def test_this_very_python_fits():
    check_python()
    check_modules()


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 16, 0)])
def test_a_python_out_of_range_is_refused(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(Refusal, match=r"3\.9\.2 to 3\.15"):
        check_python()


def test_missing_modules_are_named(monkeypatch):
    monkeypatch.setattr(host, "MODULES", "json not_there zlib")
    with pytest.raises(Refusal, match="library; missing: not_there"):
        check_modules()


def test_another_implementation_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "implementation", type("Implementation", (), {"name": "pypy"}))
    with pytest.raises(Refusal, match="is pypy "):
        check_python()


@pytest.mark.skipif(os.name != "posix", reason="umask and HOME of POSIX")
@pytest.mark.parametrize(("given", "left"), [("", None), ("kim", None), ("/home/kim", "/home/kim"), (None, None)])
def test_an_empty_home_is_none_and_the_umask_is_ours(monkeypatch, given, left) -> None:
    monkeypatch.setenv("HOME", given or "") if given is not None else monkeypatch.delenv("HOME", raising=False)
    previous = os.umask(0o777)
    try:
        launch.settle()
        assert os.umask(0o777) == 0o022
    finally:
        os.umask(previous)
    assert os.environ.get("HOME") == left


@pytest.mark.skipif(os.name != "posix", reason="variables of POSIX")
@pytest.mark.parametrize("given", ["", ".:bin", "/nowhere:.", "/etc/passwd"])
def test_a_path_without_a_folder_is_replaced_and_relative_folders_of_the_users_are_none(monkeypatch, given) -> None:
    monkeypatch.setenv("PATH", given)
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    previous = os.umask(0o022)
    launch.settle()
    os.umask(previous)
    assert os.environ["PATH"] == os.defpath
    assert "XDG_STATE_HOME" not in os.environ
    assert os.environ["XDG_CACHE_HOME"] == "/cache"


def test_a_python_whose_extensions_cannot_be_loaded(monkeypatch):
    check_modules()
    monkeypatch.setattr(host, "EXTENSIONS", "_ctypes _not_there")
    with pytest.raises(Refusal, match="library; missing: _not_there"):
        check_modules()


@pytest.mark.skipif(os.name != "posix", reason="places of POSIX")
def test_where_no_temporary_folder_can_be_written_one_of_ours_is_named(monkeypatch, tmp_path) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, "/nowhere")
    launch.provide_scratch("/ours")
    assert os.environ["TMPDIR"] == "/nowhere"  # /tmp serves
    monkeypatch.setattr(os, "access", lambda path, _how: path == str(tmp_path))
    launch.provide_scratch("/ours")
    assert os.environ["TMPDIR"] == "/ours"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    launch.provide_scratch("/ours")
    assert os.environ["TMPDIR"] == str(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_stderr_changes_no_exit_code():
    code = "import sys; from bootstrap import launch; launch.tell('told'); sys.exit(4)"
    for stderr, shown in ((subprocess.PIPE, b"told\n"), (None, None)):
        with open("/dev/full", "wb") as full:
            ended = subprocess.run([sys.executable, "-c", code], check=False, stderr=stderr or full)
        assert (ended.returncode, ended.stderr) == (4, shown)
