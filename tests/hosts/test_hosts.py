"""The closed hosts themselves: what other tests rely on when they say that a host is closed, bare and fresh."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.hosts import closed, needs, roots

pytestmark = pytest.mark.host

CONNECT = """
import socket, sys
for family, address in (
    (socket.AF_INET, "192.0.2.1"), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "2001:db8::1"),
):
    with socket.socket(family) as s:
        s.settimeout(5)
        print(s.connect_ex((address, 80)))
"""
INTERFACES_UP = """
import fcntl, socket, struct
with socket.socket() as s:
    for _, name in socket.if_nameindex():
        flags = fcntl.ioctl(s, 0x8913, struct.pack("16sh22x", name.encode(), 0))
        print(name, "up" if struct.unpack("16sh22x", flags)[1] & 1 else "down")
"""


@pytest.mark.parametrize("name", ["bullseye", "bookworm", "trixie"])
def test_a_host_has_its_python_and_nothing_to_install_with(closed_host, name):
    host = closed_host(name)
    version = host.run("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    assert version.stdout.strip() == host.python == roots.RECIPES[name].python
    for module in ("pip", "ensurepip"):
        assert f"No module named {module}" in host.run("python3", "-m", module).stderr.replace("'", "")
    assert not host.run("python3", "-m", "venv", "/tmp/environment").ok


def test_a_minimal_host_has_a_python_too_bare_to_install_with(closed_host):
    host = closed_host("bookworm-minimal")
    assert host.run("python3", "-c", "import sys").ok
    assert not host.run("python3", "-c", "import tarfile").ok


def test_no_address_can_be_reached_and_every_refusal_is_immediate(closed_host):
    host = closed_host("bookworm")
    done = host.run("python3", "-c", CONNECT, timeout=20)
    reached = [code for code in done.stdout.split() if code == "0"]
    assert done.ok
    assert not done.timed_out
    assert len(done.stdout.split()) == 3
    assert reached == []
    interfaces = host.run("python3", "-c", INTERFACES_UP).stdout.splitlines()
    assert "lo down" in interfaces
    assert not [line for line in interfaces if line.endswith(" up")]


def test_with_loopback_only_lo_is_up(closed_host):
    interfaces = closed_host("bookworm").run("python3", "-c", INTERFACES_UP, loopback=True).stdout.splitlines()
    assert [line for line in interfaces if line.endswith(" up")] == ["lo up"]


def test_a_server_inside_answers_a_client_inside_and_ends_with_its_block(closed_host):
    host = closed_host("bookworm")
    fetch = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/etc/debian_version').status)"
    serve = ("python3", "-u", "-m", "http.server", "8000")
    with host.background(*serve, ready="Serving HTTP", cwd="/") as lines:
        assert host.run("python3", "-c", fetch, loopback=True).stdout == "200\n"
    assert any("GET /etc/debian_version" in line for line in lines)
    assert "refused" in host.run("python3", "-c", fetch, loopback=True).stderr


def test_a_server_that_dies_before_it_is_ready_is_reported_with_what_it_wrote(closed_host):
    host = closed_host("bookworm")
    with pytest.raises(AssertionError, match="not today"), host.background("echo", "not today", ready="Serving"):
        pass


def test_the_operator_is_an_ordinary_user_with_a_home(closed_host):
    host = closed_host("trixie")
    asked = "import os, pwd; print(os.getuid(), os.getgid(), os.getgroups(), pwd.getpwuid(1000).pw_dir)"
    assert host.run("python3", "-c", asked, user="operator").stdout == "1000 1000 [] /home/operator\n"
    assert host.run("touch", "mine", user="operator", cwd="/home/operator").ok
    assert "Permission denied" in host.run("touch", "/etc/mine", user="operator").stderr


def test_a_run_has_a_clean_environment_its_input_and_its_folder(closed_host, monkeypatch):
    monkeypatch.setenv("RAGTRACE_LEAK", "1")
    host = closed_host("bookworm")
    assert host.run("env", env={"EXTRA": "2"}, user="operator").stdout.splitlines() == [
        f"PATH={closed.SEARCH_PATH}",
        "HOME=/home/operator",
        "USER=operator",
        "LANG=C.UTF-8",
        "EXTRA=2",
    ]
    assert host.run("cat", stdin=b"handed over").stdout == "handed over"
    assert host.run("pwd", cwd="/usr/share").stdout == "/usr/share\n"
    assert host.run("sh", "-c", "exit 7").returncode == 7
    assert host.run("sh", "-c", "kill -9 $$").returncode == -signal.SIGKILL


def test_processes_and_devices_are_the_hosts_own(closed_host):
    host = closed_host("bookworm")
    assert host.run("cat", "/proc/1/comm").stdout == "bash\n"
    processes = [entry for entry in host.run("ls", "/proc").stdout.split() if entry.isdigit()]
    assert len(processes) == 2  # the one that keeps the host, and ls
    devices = {path.name for path in host.path("/dev").iterdir()}
    assert devices == {
        "null",
        "zero",
        "full",
        "random",
        "urandom",
        "tty",
        "shm",
        "pts",
        "ptmx",
        "fd",
        "stdin",
        "stdout",
        "stderr",
    }
    assert host.run("sh", "-c", "echo gone > /dev/null && head -c 4 /dev/urandom | wc -c").stdout == "4\n"


def test_files_and_folders_go_in_and_come_out(closed_host, tmp_path):
    host = closed_host("bookworm")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("text")
    (tmp_path / "folder" / "link").symlink_to("file")
    host.put(tmp_path / "folder", "/srv/deep/folder", user="operator")
    assert host.run("cat", "/srv/deep/folder/link").stdout == "text"
    assert host.run("stat", "-c", "%U", "/srv/deep/folder/file").stdout == "operator\n"
    host.put(tmp_path / "folder" / "file", "/srv/file")
    assert host.run("stat", "-c", "%U", "/srv/file").stdout == "root\n"
    assert host.get("/srv/file", tmp_path / "out").read_text() == "text"
    assert (host.get("/srv/deep/folder", tmp_path / "tree") / "link").is_symlink()


def test_hosts_are_fresh_and_apart_and_the_cached_root_stays_as_it_was(closed_host):
    first, second = closed_host("bookworm"), closed_host("bookworm")
    first.run("rm", "/etc/debian_version")
    first.run("touch", "/etc/new")
    assert second.run("ls", "/etc/debian_version").ok
    assert not second.run("ls", "/etc/new").ok
    stored = roots.ready_root(roots.RECIPES["bookworm"])
    assert (stored / "etc" / "debian_version").exists()
    assert not (stored / "etc" / "new").exists()


@pytest.mark.parametrize(("how", "upper"), [("memory", "memory/upper"), ("copy", None)])
def test_where_an_overlay_cannot_lie_on_disk_the_host_is_as_fresh(tmp_path, how, upper):
    with needs.or_skip(), closed.closed_host("bookworm", tmp_path / "scratch", how=how) as host:
        mounts = host.run("cat", "/proc/mounts").stdout
        assert host.run("touch", "/etc/new").ok
        assert host.run("python3", "-c", "print(1)").stdout == "1\n"
    if upper:
        assert f"upperdir={tmp_path}/scratch/{upper}," in mounts
    else:
        assert str(tmp_path) not in mounts
    assert not (roots.ready_root(roots.RECIPES["bookworm"]) / "etc" / "new").exists()


def test_a_small_disk_fills_up(closed_host):
    host = closed_host("bookworm")
    host.mount_tmpfs("/small", size="1m", inodes=20)
    full = host.run("dd", "if=/dev/zero", "of=/small/file", "bs=64k", "count=32", user="operator")
    assert "No space left on device" in full.stderr
    host.run("rm", "/small/file")
    assert "No space left" in host.run("sh", "-c", "for i in $(seq 30); do : > /small/$i; done").stderr
    host.unmount("/small")
    assert list(host.path("/small").iterdir()) == []


def test_a_read_only_folder_refuses_root_until_it_is_unmounted(closed_host):
    host = closed_host("bookworm")
    host.make_readonly("/opt")
    assert "Read-only file system" in host.run("touch", "/opt/file").stderr
    host.unmount("/opt")
    assert host.run("touch", "/opt/file").ok


def test_a_noexec_folder_refuses_to_execute(closed_host):
    host = closed_host("bookworm")
    host.run("cp", "/bin/true", "/opt/true")
    assert host.run("/opt/true").ok
    host.make_noexec("/opt")
    assert host.run("sh", "-c", "/opt/true").returncode == 126


def test_a_host_ends_with_its_block_whatever_still_runs_inside(tmp_path):
    scratch = tmp_path / "scratch"
    with needs.or_skip(), closed.closed_host("bookworm", scratch) as host:
        host.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo started")
        outside = host.root
        assert outside.exists()
    assert not scratch.exists()
    assert not outside.exists()
    assert str(scratch) not in Path("/proc/self/mounts").read_text()


KILLED = """
import sys, pathlib
from tests.hosts import closed
with closed.closed_host("bookworm", pathlib.Path(sys.argv[1])) as host:
    host.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo started")
    print(host.root, flush=True)
    sys.stdin.read()
"""


def test_a_killed_test_leaves_no_process_and_no_mount(closed_host, tmp_path):
    closed_host("bookworm")  # skips where there are no hosts
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "scratch")],
        cwd=needs.CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as test:
        assert test.stdout is not None
        first = int(test.stdout.readline().split("/")[2])
        ended = os.pidfd_open(first)  # becomes readable when the host's first process ends
        test.kill()
    with os.fdopen(ended) as handle:
        assert select.select([handle], [], [], 30)[0]
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_two_that_want_the_same_root_at_once_build_it_once(monkeypatch, tmp_path):
    builds = []

    def build(recipe, root):
        builds.append(recipe)
        (root / "file").touch()

    monkeypatch.setattr(roots, "_build", build)
    threads = [threading.Thread(target=roots.ready_root, args=(roots.RECIPES["trixie"], tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(builds) == 1
