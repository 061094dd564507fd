"""A run that is killed or asked to end while its programs work: nothing of it lives on or writes on."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from installer.layout.prefix import Prefix
from installer.release.acceptance import ROOM
from shared.errors import BusyError, HostError
from shared.files import files, process_lock
from shared.processes import cgroups, supervised
from tests.reliability import world as worlds
from tests.reliability.victim import OTHERS
from tests.reliability.victim import __file__ as victim
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sessions and signals of POSIX")
ROOT = Path(__file__).resolve().parents[2]
UV, IMPORTS, SMOKE, HEALTH = "4", "7", "8", "10"  # programs of an upgrade, by their number
REST = str(OTHERS)  # what is imported later, beside the core modules
BATCH = str(OTHERS + 1)  # uv beside the verification, after it has made the environment
# the program itself in the background, and one that writes into the new release as long as it lives
WRITING = """
trap '' TERM HUP INT
writing() { while :; do echo x || exit; done >>"$(echo "$1"/releases/1700000001-*)/growing"; }
mark=$0 root=$1; shift
writing "$root" & echo $! $$ >"$mark.new"; "$@" & mv "$mark.new" "$mark"
wait
"""


def lives(pid):
    reported = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(reported) and not reported.startswith("Z")


@pytest.fixture
def begin(world, tmp_path):
    """Begin an upgrade, wait until the program of a number writes; return the run, the prefix, its programs."""
    begun = []

    def begin(program, **options):
        prefix, mark = world.start(worlds.UPGRADE, tmp_path / "place"), tmp_path / "mark"
        sh = ["/bin/sh", "-c", f"PATH=/usr/bin:/bin:$PATH{WRITING}", str(mark), str(prefix.root)]
        spec = json.dumps({"trust": str(world.folder / "trust"), "programs": {program: sh}, **options})
        argv = [sys.executable, victim, spec, *world.argv(worlds.UPGRADE, prefix.root)]
        run = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        begun.append(run)
        until(lambda: mark.exists() or run.poll() is not None)
        assert mark.exists(), run.communicate()[1]
        return run, prefix, [int(word) for word in mark.read_text().split()]

    yield begin
    for run in begun:
        run.kill()
        run.communicate()


@pytest.mark.parametrize("program", [UV, IMPORTS, REST, SMOKE, HEALTH])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_what_ends_a_run_ends_its_programs(world, begin, number, program):
    if program == REST and not cgroups.has_room(2, ROOM):
        pytest.skip("no memory for two processes that import")
    run, prefix, pids = begin(program)
    before = prefix.named()
    if program == HEALTH:  # `current` is new already, and nobody has seen it working
        previous = next(release for release in prefix.complete_releases() if release != before)
    else:
        previous = before
    unfinished = next(release for release in prefix.all_releases() if release != previous)
    run.send_signal(number)
    _out, said = run.communicate(timeout=PATIENCE)
    until(lambda: not any(map(lives, pids)))
    if number == signal.SIGKILL:
        assert run.returncode == -number
    else:
        assert run.returncode == 128 + number
        assert "Traceback" not in said
        assert said.splitlines()[-1] == ("Interrupted." if number == signal.SIGINT else f"Terminated by {number.name}.")
        assert not unfinished.path.exists()
        assert prefix.active() == previous
    worlds.tell(["status", "--prefix", str(prefix.root)])
    if number != signal.SIGKILL or program != HEALTH:
        assert not unfinished.path.exists()
        assert prefix.active() == previous
        worlds.tell(world.argv(worlds.UPGRADE, prefix.root))
        assert prefix.active().id == unfinished.id.replace("-r1", "-r2")  # its name is not used again
    assert not list(prefix.releases.glob("*/growing")) or number == signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_ends_a_run_ends_uv_beside_the_verification(world, begin, number):
    run, prefix, pids = begin(BATCH, batches=True)
    before = prefix.named()
    unfinished = next(release for release in prefix.all_releases() if release != before)
    run.send_signal(number)
    _out, said = run.communicate(timeout=PATIENCE)
    until(lambda: not any(map(lives, pids)))
    assert "Traceback" not in said
    worlds.tell(["status", "--prefix", str(prefix.root)])
    assert prefix.active() == before
    assert not unfinished.path.exists()
    worlds.tell(world.argv(worlds.UPGRADE, prefix.root))
    assert prefix.active() != before


def test_the_lock_is_held_as_long_as_a_program_of_a_killed_run_lives(tmp_path, monkeypatch):
    """Here one that left the group, which nothing ends: the next run waits a little, then says that it is busy."""
    lock, pid = tmp_path / "state" / "lock", tmp_path / "pid"
    lock.parent.mkdir()
    code = f"import os,time;os.setsid() if os.fork()==0 else os._exit(0);open({str(pid)!r},'w').write(str(os.getpid()))"
    code += "\nos.dup2(os.open(os.devnull,os.O_RDWR),1);os.dup2(1,2);time.sleep(600)"
    script = (
        "import os,pathlib,signal,sys\nfrom shared.files import process_lock; from shared.processes import process\n"
    )
    script += "with process_lock.locked(pathlib.Path(sys.argv[1])):\n "
    script += "process.run([sys.executable,'-c',sys.argv[2]],timeout=60)"
    script += "\n while not os.path.exists(sys.argv[3]): pass\n os.kill(os.getpid(),signal.SIGKILL)"
    run = subprocess.run([sys.executable, "-c", script, str(lock), code, str(pid)], cwd=ROOT, check=False)
    assert run.returncode == -signal.SIGKILL
    until(lambda: pid.read_text() != "")
    monkeypatch.setattr(process_lock, "LINGER", 0.3)
    with pytest.raises(BusyError), process_lock.locked(lock):
        pass
    os.kill(int(pid.read_text()), signal.SIGKILL)
    monkeypatch.setattr(process_lock, "LINGER", PATIENCE)
    with process_lock.locked(lock):
        pass


def test_a_program_that_lives_on_after_a_whole_run_holds_no_lock(tmp_path):
    lock = tmp_path / "lock"
    with open(tmp_path / "copy", "w"), process_lock.locked(lock):
        handle = next(number for number in supervised._inherited)
        copy = os.dup(handle)
    with process_lock.locked(lock):
        pass
    os.close(copy)


def test_a_filesystem_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(_handle, _how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(HostError, match="does not support locks: No locks available"):
        process_lock.require_locks(tmp_path, tmp_path)


def test_names_of_unfinished_releases_are_kept_within_bounds(tmp_path):
    prefix = Prefix(tmp_path)
    prefix.make()
    for number in range(1, 1003):
        prefix.retire_name(prefix.release(f"1-{'a' * 12}-r{number}"))
    assert prefix.new_release(1, "a" * 64).id.endswith("-r1003")
    assert len(prefix.unfinished.read_text().splitlines()) == 1000
    files.write_atomic(prefix.unfinished, b"\xff\n../../x\n")
    assert prefix.new_release(1, "a" * 64).id.endswith("-r1")
