"""What lies about where the installer keeps its cache neither runs nor stops it; a full disk leaves nothing there."""

from __future__ import annotations

import shutil

import pytest

from tests.hosts import closed, needs

pytestmark = [pytest.mark.index, pytest.mark.host]
CACHE = "/srv/cache"
HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def host(zipapp, tmp_path_factory):
    with needs.or_skip():
        started = closed.closed_host("bookworm", tmp_path_factory.mktemp("host"))
    with started as host:
        shutil.copy(zipapp, host.path("/srv/ragtrace-install.pyz"))
        yield host


def start(host, name="ragtrace-install.pyz", cache=CACHE):
    return host.run("/usr/bin/python3", f"/srv/{name}", "--version", env={"RAGTRACE_CACHE": cache}, timeout=60)


def runs(done):
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ragtrace")


@pytest.fixture
def place(host):
    """Give the folder of caches, and the name that this installer's own has there."""
    runs(start(host))
    folder = host.path(f"{CACHE}/ragtrace-zipapp")
    (own,) = (path.name for path in folder.iterdir())
    shutil.rmtree(folder / own)
    yield folder, own
    shutil.rmtree(folder)


def test_an_unfinished_extraction_with_files_that_cannot_be_written_is_not_taken_in(host, place):
    folder, own = place
    for stale in (f"{own}.tmp", ".new-1", f".{own}.tmp"):
        site = folder / stale / "site-packages"
        site.mkdir(parents=True)
        for name in ("bootstrap.py", "evil.pth", "sitecustomize.py"):
            (site / name).write_text("import os; os._exit(66)\n")
            (site / name).chmod(0o400)
        site.chmod(0o500)
    runs(start(host))
    assert not (folder / own / "site-packages" / "evil.pth").exists()
    runs(start(host))


def test_nobody_is_waited_for_who_holds_the_lock_of_shiv(host, place):
    lock = f"{CACHE}/ragtrace-zipapp/.{place[1]}_lock"
    with host.background("/usr/bin/python3", "-c", HOLD, lock, ready="held"):
        runs(start(host))
        runs(start(host))


def test_a_copy_under_another_name_runs_and_an_altered_one_gets_nothing_of_the_first(host, place):
    runs(start(host))
    shutil.copy(host.path("/srv/ragtrace-install.pyz"), host.path("/srv/copy.pyz"))
    runs(start(host, "copy.pyz"))
    data = bytearray(host.path("/srv/copy.pyz").read_bytes())
    data[len(data) // 2] ^= 1
    host.path("/srv/altered.pyz").write_bytes(data)
    before = sorted(path.name for path in place[0].iterdir())
    done = start(host, "altered.pyz")
    assert done.returncode == 3
    assert "/srv/altered.pyz is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in place[0].iterdir()) == before
    for name in ("copy.pyz", "altered.pyz"):
        host.path(f"/srv/{name}").unlink()


@pytest.mark.parametrize(("size", "inodes"), [("20m", 0), ("200m", 40)])
def test_a_disk_that_fills_up_midway_is_told_and_nothing_is_left(host, size, inodes):
    host.mount_tmpfs("/srv/small", size=size, inodes=inodes)
    try:
        done = start(host, cache="/srv/small")
        assert done.returncode == 4
        first, second = done.stderr.splitlines()
        assert first.startswith("error: ")
        assert "No space left on device" in first
        assert second.startswith("  next: ")
        assert not [path for path in host.path("/srv/small").rglob("*") if path.is_file()]
    finally:
        host.unmount("/srv/small")
