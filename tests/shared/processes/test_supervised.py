from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shared.errors import HostError, ToolError
from shared.processes import process, supervised
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has job objects")
ROOT = Path(__file__).resolve().parents[3]
# a program of ours that starts another in the background, says both process IDs, and lives on
TWO = "import os,subprocess,sys,time\nc=subprocess.Popen(['sleep','600'])\n\
open(sys.argv[1]+'.new','w').write(f'{os.getpid()} {c.pid}');os.rename(sys.argv[1]+'.new',sys.argv[1]);time.sleep(600)"


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not state.startswith("Z") and bool(state)


def parent_of(code, *words):
    return subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("thread", [False, True])
def test_no_program_outlives_a_parent_that_is_killed(tmp_path, number, thread):
    call = f"process.run([sys.executable, '-c', {TWO!r}, sys.argv[1]], timeout=600)"
    if thread:
        call = f"import threading; t = threading.Thread(target=lambda: {call}); t.start(); t.join()"
    parent = parent_of(f"import sys\nfrom shared.processes import process\n{call}", str(tmp_path / "pids"))
    until((tmp_path / "pids").exists)
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    assert all(map(lives, pids))
    parent.send_signal(number)
    assert parent.wait() == -number
    until(lambda: not any(map(lives, pids)))


def test_the_thread_that_started_a_program_may_end(tmp_path):
    started = []
    code = "import sys;sys.stdin.read();print('all')"
    worker = threading.Thread(
        target=lambda: started.append(
            supervised.start(
                [sys.executable, "-c", code],
                alone=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        )
    )
    worker.start()
    worker.join()
    ((child, tie),) = started
    assert child.communicate(b"")[0] == b"all\n"
    tie.cut()
    assert child.returncode == 0


def test_what_a_program_leaves_running_ends_with_it(tmp_path):
    code = "import subprocess;print(subprocess.Popen(['sleep','600']).pid)"
    ended = process.run([sys.executable, "-c", code], timeout=60)
    assert ended.ok
    until(lambda: not lives(int(ended.stdout)))


@pytest.mark.parametrize("code", [0, 1, 126, 127, 255])
def test_exit_codes_are_the_programs(code):
    assert process.run(["sh", "-c", f"exit {code}"], timeout=60).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGPIPE, signal.SIGXFSZ])
def test_a_programs_signals_are_its_own(number):
    assert process.run(["sh", "-c", f"kill -{int(number)} $$"], timeout=60).returncode == -number


def test_a_program_has_no_child_that_it_does_not_know():
    code = "import os\ntry:\n os.wait()\nexcept ChildProcessError:\n print('none')"
    assert process.run([sys.executable, "-c", code], timeout=60).stdout == "none\n"


@pytest.mark.parametrize("env", [{}, {"LC_CTYPE": "C"}, {"A.b(x)": "ÿ\udcff", "LANG": "C"}])
def test_the_environment_and_the_words_arrive_as_they_were_given(env):
    code = (
        "import json,posix,sys;print(json.dumps([{k.hex():v.hex() for k,v in posix.environ.items()},"
        "[a.encode('utf-8','surrogateescape').hex() for a in sys.argv[1:]]]))"
    )
    words = ["", "a b", "\udcff\udcfe", "한글", "-c", "--"]
    real = str(Path(sys.executable).resolve())
    argv = [real, "-I", "-S", "-X", "utf8", "-c", code, *words]
    plain = subprocess.run(argv, env=env, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
    assert json.loads(process.run(argv, env=env, timeout=60).stdout) == json.loads(plain)


def test_no_descriptor_is_left_to_a_program_but_what_it_is_to_keep_open(tmp_path):
    code = "import os\nfor n in range(3,64):\n try:\n  os.fstat(n);print(n)\n except OSError:\n  pass"
    argv = [str(Path(sys.executable).resolve()), "-I", "-S", "-c", code]
    with open(tmp_path / "lock", "w") as lock:
        assert process.run(argv, timeout=60).stdout == ""
        with supervised.inherited(lock.fileno()):
            assert process.run(argv, timeout=60).stdout == f"{lock.fileno()}\n"
        assert process.run(argv, timeout=60).stdout == ""
    before = len(os.listdir("/dev/fd"))
    process.run(argv, timeout=60)
    with pytest.raises(ToolError):
        process.run([str(tmp_path / "none")], timeout=60)
    assert len(os.listdir("/dev/fd")) == before


def test_why_a_program_cannot_be_started_is_told_as_the_system_tells_it(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF of another machine")
    with pytest.raises(ToolError, match=r"Permission denied\.$"):
        process.run([str(program)], timeout=60)
    program.chmod(0o755)
    with pytest.raises(ToolError, match=r"Exec format error\.$"):
        process.run([str(program)], timeout=60)
    with pytest.raises(ToolError, match="No such file or directory"):
        process.run(["no-such-program"], env={"PATH": str(tmp_path)}, timeout=60)


def test_a_host_that_allows_no_further_program_is_named(monkeypatch):
    def refuse(*_arguments, **_options):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(HostError, match="cannot start another program"):
        process.run(["true"], timeout=60)


def test_a_program_that_is_attended_is_asked_to_end_with_us(tmp_path):
    code = f"""if True:
        import os, pathlib, signal, time
        folder = pathlib.Path({str(tmp_path)!r})
        signal.signal(signal.SIGTERM, lambda *_: ((folder / "asked").touch(), os._exit(0)))
        (folder / "pid").write_text(str(os.getpid()))
        (folder / "ready").touch()
        time.sleep(600)"""
    attending = "import os,sys\nfrom shared.processes import process\n"
    attending += "process.attend([sys.executable,'-c',sys.argv[1]],env=os.environ)"
    parent = parent_of(attending, code)
    until((tmp_path / "ready").exists)
    parent.kill()
    parent.wait()
    until((tmp_path / "asked").exists)
    until(lambda: not lives(int((tmp_path / "pid").read_text())))


def test_a_program_that_is_attended_and_ends_is_left_alone():
    assert process.attend(["sh", "-c", "exit 7"], env=os.environ) == 7
