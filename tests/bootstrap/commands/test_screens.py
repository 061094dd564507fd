"""Commands for people and machines on a narrow terminal, and on a stdout whose encoding lacks characters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from shared.terminal.columns import columns
from tests.installed import make_prefix
from validator.report import parse_report

CHECKS = ("--check=system.disk", "--check=system.memory", "--check=ragtrace.release", "--check=ragtrace.settings")


@pytest.fixture
def prefix(tmp_path):
    """An installation whose path cp1252, cp949 and ASCII each lack a part of."""
    folder = tmp_path / "é-설치-🙂"
    folder.mkdir()
    return make_prefix(folder)


def command(prefix, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "bootstrap.cli", arguments[0], "--prefix", str(prefix.root), *arguments[1:]]


def printed(prefix, encoding: str, *arguments: str, language: str = "en") -> str:
    env = {**os.environ, "PYTHONIOENCODING": encoding, "RAGTRACE_LANG": language, "PYTHONUTF8": "0"}
    ended = subprocess.run(command(prefix, *arguments), env=env, capture_output=True, timeout=120, check=False)
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False), ended.stderr
    return ended.stdout.decode(encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "cp949", "ascii"])
def test_json_is_the_same_in_every_encoding(prefix, encoding) -> None:
    report = parse_report(printed(prefix, encoding, "validate", *CHECKS, "--json").encode())
    assert report.prefix == str(prefix.root)
    sample = json.loads(printed(prefix, encoding, "monitor", "--count=1", "--interval=0.1", "--json"))
    assert sample["prefix"] == str(prefix.root)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("kind", ["text", "html", "prometheus"])
def test_a_stdout_that_lacks_characters_gets_all_that_it_has(prefix, kind, language) -> None:
    wrote = printed(prefix, "cp1252", "validate", *CHECKS, f"--format={kind}", language=language)
    assert "Demo-App" in wrote or "demo-app" in wrote
    assert "PASS" in wrote
    assert "é" in wrote


def on_terminal(width: int, argv: list[str]) -> tuple[int, str]:
    """Run a program on a terminal of so many columns; return its exit code and what it wrote, without colours."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    env = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "RAGTRACE_LANG": "en"}
    env.pop("COLUMNS", None)
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True)
    os.close(theirs)
    wrote = b""
    try:
        while block := os.read(ours, 65536):
            wrote += block
    except OSError:
        pass  # Linux says EIO when the other side is closed
    os.close(ours)
    return process.wait(30), re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", wrote.decode())


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_loses_nothing_and_cuts_no_word_by_a_space(prefix, width) -> None:
    code, wrote = on_terminal(width, command(prefix, "validate", *CHECKS))
    assert code == 0, wrote
    lines = wrote.splitlines()
    assert max(map(columns, lines)) <= width, wrote
    whole = "".join(lines).replace(" ", "")
    for text in (str(prefix.root), "Overall:", "PASSRelease:Demo-App"):
        assert text.replace(" ", "") in whole
    assert "Traceback" not in wrote
