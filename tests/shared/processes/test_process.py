from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from shared.errors import ToolError
from shared.processes import process

PATIENCE = 60.0  # seconds


def python(code: str, timeout: float = 30.0, **options) -> process.Completed:
    return process.run([sys.executable, "-c", code], timeout=timeout, **options)


def test_output_and_exit_code(tmp_path) -> None:
    ended = python("import os,sys;print(os.getcwd());print('e',file=sys.stderr);sys.exit(3)", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr, ended.ok) == (3, f"{tmp_path}\n", "e\n", False)
    assert python("import os;print(sorted(os.environ))", env={"A": "b"}).stdout.startswith("['A'")


def test_the_log_has_what_a_program_that_failed_has_said(caplog) -> None:
    caplog.set_level(logging.DEBUG, "ragtrace")
    python("print('fine')")
    assert caplog.messages == []
    size = 2 * process.LOGGED
    python(f"import sys;print('a'*{size});print('Traceback: of it\\nlast', file=sys.stderr);sys.exit(3)")
    python("import time;time.sleep(60)", 0.5)
    failed, stopped = caplog.messages
    assert failed.startswith(sys.executable)
    assert "exit code 3\nstdout: aaa" in failed
    assert failed.endswith("stderr: Traceback: of it\nlast\n")
    assert len(failed) < size
    assert "timed out" in stopped


def test_much_output_on_both_streams_is_drained_and_bounded() -> None:
    size = 3 * process.OUTPUT_LIMIT
    ended = python(f"import sys\nfor s in (sys.stderr, sys.stdout, sys.stderr): s.write('x'*{size})")
    assert ended.ok
    assert len(ended.stdout) == len(ended.stderr) == process.OUTPUT_LIMIT


def test_time_runs_out_for_the_whole_group(tmp_path) -> None:
    pid = tmp_path / "pid"
    code = f"import subprocess,sys,time;c=subprocess.Popen([sys.executable,'-c','import time;time.sleep(60)'])\n\
open({str(pid)!r},'w').write(str(c.pid));time.sleep(60)"
    started = time.monotonic()
    ended = python(code, 1.5)
    assert ended.timed_out
    assert not ended.ok
    assert time.monotonic() - started < 15
    stat = Path("/proc", pid.read_text(), "stat")
    while time.monotonic() - started < 60:  # a killed process may take a moment to be gone
        try:
            if " Z " in stat.read_text():
                break
        except (FileNotFoundError, ProcessLookupError):
            break
    else:
        pytest.fail("it lives on")


def test_stdin() -> None:
    assert python("import sys;print(len(sys.stdin.read()))", stdin=b"x" * (1 << 20)).stdout == f"{1 << 20}\n"
    assert python("print(1)", stdin=b"x" * (1 << 20)).ok  # it does not read
    assert python("import sys;print(repr(sys.stdin.read()))").stdout == "''\n"


def test_a_program_that_neither_reads_nor_ends() -> None:
    assert python("import time;time.sleep(60)", 0.5, stdin=b"x" * (1 << 20)).timed_out


def test_a_program_that_is_missing(tmp_path) -> None:
    with pytest.raises(ToolError, match="cannot be started"):
        process.run([str(tmp_path / "missing")], timeout=1)


def test_checked_tells_the_last_line() -> None:
    with pytest.raises(ToolError, match="it failed with exit code 1: the reason"):
        process.checked(process.Completed(("x",), 1, "", "more\n the reason \n\n"), "it")
    with pytest.raises(ToolError, match="timed out"):
        process.checked(process.Completed(("x",), -9, "", "", timed_out=True), "it")
    assert process.checked(process.Completed(("x",), 0, "", ""), "it").ok


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
@pytest.mark.parametrize("error", [ProcessLookupError, PermissionError])  # macOS refuses the group of a zombie
def test_a_program_whose_group_cannot_be_killed_is_ended_alone(monkeypatch, error) -> None:
    def refuse(_group, _signal) -> None:
        raise error

    monkeypatch.setattr(os, "killpg", refuse)
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        process.kill_tree(program)
    finally:
        os.kill(program.pid, signal.SIGTERM)  # after SIGKILL it means nothing
    assert program.wait() == -signal.SIGKILL


def test_only_the_programs_of_one_thread_are_ended() -> None:
    ended, threads = {}, {}

    def wait(name, ready) -> None:
        argv = [sys.executable, "-c", "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"]
        ended[name] = process.run([*argv, str(ready)], timeout=PATIENCE)

    with tempfile.TemporaryDirectory() as folder:
        for name in ("ours", "theirs"):
            ready = Path(folder, name)
            threads[name] = threading.Thread(target=wait, args=(name, ready))
            threads[name].start()
            while not ready.exists():
                os.sched_yield()
        process.stop_all(threads["ours"].ident)
        threads["ours"].join()
        assert threads["theirs"].is_alive()
        process.stop_all()
        threads["theirs"].join()
    assert not any(one.timed_out or one.ok for one in ended.values())
