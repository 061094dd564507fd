from __future__ import annotations

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
from dataclasses import replace

import pytest

from bootstrap import cli
from bootstrap.commands.inspect.monitor import Ending
from installer.monitoring import monitor
from shared.terminal.columns import columns
from tests import metrics
from tests.installed import make_prefix
from tests.installer.monitoring.test_monitor import SAMPLE


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    monkeypatch.delenv("RAGTRACE_PREFIX", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_args: None)  # the test's own stays
    return make_prefix(tmp_path)


@pytest.fixture
def sampled(prefix, monkeypatch):
    """Let the command see these samples."""

    def sampled(*given):
        def samples(_prefix, **_options):
            yield from given

        monkeypatch.setattr(monitor, "samples", samples)

    return sampled


def run(prefix, *arguments):
    return cli.main(["monitor", "--prefix", str(prefix.root), *map(str, arguments)])


def test_lines_and_a_summary_where_there_is_no_terminal(prefix, sampled, capsys) -> None:
    sampled(SAMPLE, replace(SAMPLE, processes=()))
    assert run(prefix) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "2026-01-31T12:00:00Z  processor 25%, 6.0 kB of memory and - of disk free; "
        "demo-app: processes 2, processor 150%, memory 1.5 kB"
    )
    assert lines[2:] == [
        "Samples: 2, in 10 s",
        "Processor: 75% of a core on average, 150% at peak",
        "Memory: 1.5 kB at peak",
    ]


def test_a_line_of_json_each_on_the_screen(prefix, sampled, capsys) -> None:
    sampled(SAMPLE, SAMPLE)
    assert run(prefix, "--json") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first) == json.loads(second) == SAMPLE.to_json()


def test_lines_are_added_to_a_file_that_only_its_owner_reads(prefix, sampled, tmp_path, capsys) -> None:
    output = tmp_path / "use.jsonl"
    for _run in range(2):
        sampled(SAMPLE)
        assert run(prefix, "--output", output, "--quiet") == 0
    assert [json.loads(line)["release"] for line in output.read_text().splitlines()] == [SAMPLE.release] * 2
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert capsys.readouterr().out.count("Samples: 1, in 5 s") == 2


def test_a_file_that_was_renamed_meanwhile_is_begun_anew(prefix, monkeypatch, tmp_path) -> None:
    output = tmp_path / "use.jsonl"

    def samples(_prefix, **_options):
        yield SAMPLE
        output.rename(tmp_path / "use.jsonl.1")
        yield SAMPLE

    monkeypatch.setattr(monitor, "samples", samples)
    assert run(prefix, "--output", output) == 0
    assert len(output.read_text().splitlines()) == 1


def test_metrics_replace_the_file(prefix, sampled, tmp_path) -> None:
    output = tmp_path / "use.prom"
    sampled(SAMPLE, replace(SAMPLE, processes=()))
    assert run(prefix, "--output", output) == 0
    assert metrics.value(metrics.parse(output.read_text()), "ragtrace_application_processes") == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o644


def test_one_sample_of_metrics_on_the_screen(prefix, sampled, capsys) -> None:
    sampled(SAMPLE)
    assert run(prefix, "--format", "prometheus", "--count", "1") == 0
    assert metrics.value(metrics.parse(capsys.readouterr().out), "ragtrace_application_processes") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "prometheus"),
        ("--interval", "0"),
        ("--interval", "nan"),
        ("--interval", "inf"),
        ("--count", "0"),
        ("--duration", "-1"),
        ("--duration", "nan"),
    ],
)
def test_wrong_calls(prefix, sampled, arguments, capsys) -> None:
    sampled()
    assert run(prefix, *arguments) == 2
    assert capsys.readouterr().out == ""


def test_being_asked_to_end_is_taken_between_two_samples(prefix, monkeypatch, capsys) -> None:
    noted = {}
    monkeypatch.setattr(signal, "signal", lambda number, handler: noted.update({number: handler}))

    def samples(_prefix, *, wait, **_options):
        assert not wait(0.0)
        yield SAMPLE
        noted[signal.SIGTERM](signal.SIGTERM, None)
        assert wait(1000.0)  # at once

    monkeypatch.setattr(monitor, "samples", samples)
    assert run(prefix) == 0
    assert "Samples: 1, in 5 s" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_at_all_is_an_error(prefix, sampled, tmp_path, capsys) -> None:
    sampled(SAMPLE)
    assert run(prefix, "--output", tmp_path / "missing" / "use.jsonl") == 4
    assert "use.jsonl" in capsys.readouterr().err


def test_a_disk_that_is_full_for_a_while_costs_samples_and_no_half_line(
    prefix, sampled, tmp_path, monkeypatch, capsys
) -> None:

    output, real, calls = tmp_path / "use.jsonl", os.fdopen, []

    def fdopen(handle, *args, **options):
        file = real(handle, *args, **options)
        if not isinstance(handle, int) or args[:1] != ("ab",):
            return file
        calls.append(1)
        return Full(file) if len(calls) in (2, 3) else file

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_args):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            self.file.write(data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", fdopen)
    sampled(SAMPLE, SAMPLE, SAMPLE, SAMPLE)
    assert run(prefix, "--output", output) == 0
    assert [json.loads(line)["format"] for line in output.read_text().splitlines()] == [1, 1]
    assert capsys.readouterr().err.count("No space left") == 1


def test_nothing_installed_is_an_error(tmp_path, capsys) -> None:
    assert cli.main(["monitor", "--prefix", str(tmp_path / "none")]) == 4


def screen(prefix, width: int, *arguments: str) -> tuple[int, str]:
    """Run the command on a terminal of so many columns and return its exit code and what it wrote."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    argv = [sys.executable, "-m", "bootstrap.cli", "monitor", "--prefix", str(prefix.root), *arguments]
    env = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "RAGTRACE_LANG": "en"}
    env.pop("COLUMNS", None)
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True)
    os.close(theirs)
    wrote, asked = b"", False
    try:
        while block := os.read(ours, 65536):
            wrote += block
            if b"demo-app" in wrote and not asked:
                asked = True
                process.send_signal(signal.SIGINT)
    except OSError:
        pass  # Linux says EIO when the other side is closed
    os.close(ours)
    return process.wait(30), wrote.decode()


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize("width", [20, 100])
def test_a_terminal_gets_a_view_that_renews_itself_and_ctrl_c_leaves_it_whole(prefix, width) -> None:
    code, wrote = screen(prefix, width, "--interval", "0.1")
    assert code == 0, wrote
    assert "demo-app" in wrote
    assert "\x1b[?25l" in wrote  # the cursor is hidden
    assert wrote.rindex("\x1b[?25h") > wrote.rindex("\x1b[?25l")  # and comes back
    assert "Traceback" not in wrote
    frames = wrote.replace("\x1b[2K", "\n")  # how a line is begun anew
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frames)
    assert max(columns(line) for line in re.split(r"[\r\n]+", shown)) <= width
    assert "Samples: " in shown


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_end_of_a_service_is_as_clean(tmp_path) -> None:
    made = make_prefix(tmp_path)
    argv = [sys.executable, "-u", "-m", "bootstrap.cli", "monitor", "--prefix", str(made.root), "--interval", "0.1"]
    env = {**os.environ, "RAGTRACE_LANG": "en"}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    assert "demo-app" in process.stdout.readline()
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "Samples: " in out


@pytest.mark.parametrize("name", ["use.jsonl", "use.prom"])
def test_json_is_all_that_stdout_gets_whatever_the_file_does(prefix, sampled, tmp_path, name, capsys) -> None:
    sampled(SAMPLE, SAMPLE)
    assert run(prefix, "--json", "--output", tmp_path / name) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [SAMPLE.to_json()] * 2
    assert SAMPLE.release in (tmp_path / name).read_text()


def test_the_signals_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Ending() as ending:
        assert signal.getsignal(signal.SIGINT) == ending.ask
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
