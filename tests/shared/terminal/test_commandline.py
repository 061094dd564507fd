from __future__ import annotations

import argparse
import io
import json
import sys

import pytest

from installer.logs import runlog
from shared import errors
from shared.terminal import commandline, console, progress

pytestmark = pytest.mark.usefixtures("host")


def ended(error: BaseException, *, as_json: bool = False) -> int:
    def command(_arguments: argparse.Namespace) -> int:
        raise error

    return commandline.run_command(command, argparse.Namespace(json=as_json))


@pytest.mark.parametrize(
    ("kind", "code"),
    [("Usage", 2), ("Trust", 3), ("Host", 4), ("Install", 5), ("Tool", 6), ("Build", 7), ("Busy", 8)],
)
def test_every_error_has_its_code(kind, code, capsys) -> None:
    error = getattr(errors, f"{kind}Error")("what happened.", advice="Do this.")
    assert ended(error) == code
    assert capsys.readouterr() == ("", "error: what happened.\n  next: Do this.\n")
    assert ended(error, as_json=True) == code
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": {"code": code, "what": "what happened.", "advice": "Do this."}}
    assert err == ""


def test_the_disk_and_the_person_and_a_reader_that_left(capsys) -> None:
    assert ended(PermissionError(13, "Permission denied", "/x")) == 4
    assert "/x: Permission denied." in capsys.readouterr().err
    assert ended(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_bug_shows_no_traceback_but_logs_it(tmp_path, capsys) -> None:
    assert ended(ZeroDivisionError("oops")) == 70  # before any log was started, too
    runlog.to_file(tmp_path, "install")
    assert ended(ZeroDivisionError("oops")) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert "ZeroDivisionError: oops" in err
    lines = [json.loads(line) for line in next(tmp_path.glob("*.log")).read_text().splitlines()]
    assert any(line["level"] == "CRITICAL" and "Traceback" in line["traceback"] for line in lines)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_stream_that_lacks_characters(encoding) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    console.write_text(stream, "☃ 한 a\n")
    assert raw.getvalue().endswith(b" a\n")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_040_000_000, "2.0 GB"), (3e12, "3.0 TB")]
)
def test_sizes(count, text) -> None:
    assert console.human_bytes(int(count)) == text


def test_the_command_that_works_here(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert console.python_command() == "python"
    monkeypatch.setattr(sys, "platform", "linux")
    assert console.python_command() == "python3"


class Broken(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_result_that_cannot_be_written_is_told_on_stderr(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "stdout", Broken())
    code = commandline.complain(errors.HostError("no room", advice="make some"), as_json=True)
    assert code == 4
    assert "no room" in capsys.readouterr().err


def test_a_closed_stdout_gets_nothing(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    console.show("text")


STEERS = "\x1b[2J\x9b1m\x07\u202egnp\udcff\u2028\r|"
SHOWN = r"\u001b[2J\u009b1m\u0007\u202egnp\udcff\u2028\r|"


def test_nothing_steers_the_terminal(monkeypatch, capsys) -> None:
    console.show_lines(f"{STEERS}\n한국어  a\t")
    console.complain(STEERS)
    console.show_json({"name": STEERS})
    out, err = capsys.readouterr()
    first, second, *document = out.split("\n")
    assert (first, second) == (SHOWN, "한국어  a\t")
    assert err == f"{SHOWN}\n"
    assert json.loads("\n".join(document)) == {"name": STEERS}
    assert console.visible("".join(document)) == "".join(document)


def test_nor_does_the_log_on_the_screen(capsys) -> None:
    commandline.log_to_screen()
    try:
        commandline.LOG.debug(STEERS)
    finally:
        commandline.LOG.removeHandler(commandline.LOG.handlers[-1])
    assert capsys.readouterr().err == f"{SHOWN}\n"


def test_a_name_with_line_ends_forges_no_line(capsys) -> None:
    name = "x\nerror: none\r\x1b[2J\u202e.tar.gz"

    def refuse(_arguments):
        progress.make_progress().step(name)
        progress.make_progress().warn(name)
        with progress.make_progress().task(name, 1) as task:
            task.advance(1)
        console.show(f"Stays:   {name}")
        raise errors.TrustError(f"{name}: bad.", "Second.", advice=f"Look at {name}.")

    assert commandline.run_command(refuse, argparse.Namespace(json=False)) == 3
    shown, reported = capsys.readouterr()
    assert shown == "Stays:   x\\nerror: none\\r\\u001b[2J\\u202e.tar.gz\n"
    assert len(reported.splitlines()) == 6
    assert reported.splitlines()[4] == "Second."  # a line of ours stays one
    assert "x\\nerror: none\\r\\u001b[2J\\u202e.tar.gz" in reported
    assert reported.isascii()
