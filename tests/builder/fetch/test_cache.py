from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import threading

import pytest

from builder.fetch.cache import Cache, Digest, HashMismatchError, sha256
from shared.errors import BuildError, BusyError

DATA = b"some bytes"
KEY = sha256(hashlib.sha256(DATA).hexdigest())
GIT = Digest("git", "9d9b78c856dff3427514c9f1f0ceb2eeff00b395")  # git hash-object


def put(cache, key, data=DATA):
    with cache.entry(key, threading.Event()) as part:
        part.write_bytes(data)
        return cache.commit(key)


@pytest.mark.parametrize("key", [KEY, GIT])
def test_what_was_put_is_found_under_its_digest(tmp_path, key):
    cache = Cache(tmp_path / "cache")
    assert not cache.has(key)
    path = put(cache, key)
    assert cache.has(key, len(DATA))
    assert path == cache.path(key)
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o644
    assert not path.with_name(f"{key.value}.part").exists()


@pytest.mark.parametrize("damage", [b"some bytez", b"some byte", b""])
def test_a_file_altered_on_disk_is_removed_and_told(tmp_path, damage):
    cache = Cache(tmp_path)
    put(cache, KEY).write_bytes(damage)
    with pytest.raises(HashMismatchError, match=KEY.value):
        cache.has(KEY, len(DATA))
    assert not cache.has(KEY, len(DATA))


def test_a_second_build_waits_until_the_first_has_let_go(tmp_path):
    cache = Cache(tmp_path)
    order = []

    def second():
        with Cache(tmp_path).entry(KEY, threading.Event()):
            order.append("second")

    with cache.entry(KEY, threading.Event()):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_for_another_process_ends_when_this_build_stops(tmp_path):
    script = (
        "import sys, threading, pathlib; from builder.fetch.cache import Cache, sha256\n"
        "with Cache(pathlib.Path(sys.argv[1])).entry(sha256(sys.argv[2]), threading.Event()):\n"
        "    print('locked', flush=True); sys.stdin.read()\n"
    )
    argv = [sys.executable, "-c", script, str(tmp_path), KEY.value]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"locked\n"
        stop = threading.Event()
        stop.set()
        with pytest.raises(BusyError), Cache(tmp_path).entry(KEY, stop):
            pass
        other.kill()
    with Cache(tmp_path).entry(KEY, stop):  # the lock of a killed process is gone with it
        pass


def other_process(script, *arguments):
    argv = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


IN_USE = """
import sys, pathlib; from builder.fetch.cache import Cache
with Cache(pathlib.Path(sys.argv[1])).in_use():
    print('in use', flush=True); sys.stdin.read()
"""


def test_builds_of_two_processes_share_the_cache_and_prune_waits_for_both(tmp_path):
    cache = Cache(tmp_path)
    path = put(cache, KEY)
    (tmp_path / ".lock").touch()  # as earlier builders left it
    with other_process(IN_USE, tmp_path) as other:
        assert other.stdout.readline() == b"in use\n"
        with cache.in_use():
            pass
        with pytest.raises(BusyError, match="A build is using the cache"):
            cache.prune(0)
        other.kill()
    assert path.exists()
    assert cache.prune(0) == (1, len(DATA))
    assert list(cache._files()) == []


def test_what_makes_the_locks_is_not_counted_and_never_pruned(tmp_path):
    cache = Cache(tmp_path)
    ours = tmp_path / ".filelock-1" / "abc" / "lock.db"  # as it makes them in a folder that others can write to
    ours.parent.mkdir(parents=True)
    ours.write_bytes(b"")
    with cache.in_use():
        assert cache.contents().files == 0
    assert cache.prune(0) == (0, 0)
    assert ours.exists()


@pytest.mark.skipif(os.name == "nt", reason="modes mean nothing there")
def test_a_cache_of_a_group_has_a_lock_of_the_group(tmp_path):
    before = os.umask(0o002)
    try:
        with Cache(tmp_path).in_use():
            assert stat.S_IMODE((tmp_path / ".lock").stat().st_mode) == 0o664
    finally:
        os.umask(before)


def test_a_lock_that_is_none_is_told(tmp_path):
    (tmp_path / ".lock").write_bytes(b"something else " * 100)
    with pytest.raises(BuildError, match=r"\.lock") as caught, Cache(tmp_path).in_use():
        pass
    assert "--cache-dir" in caught.value.advice


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BuildError) as caught, Cache(tmp_path / "file").entry(KEY, threading.Event()):
        pass
    assert str(tmp_path / "file") in caught.value.what
    assert "--cache-dir" in caught.value.advice
