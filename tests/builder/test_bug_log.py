"""What is left of a command that ended with a bug: one sentence, and a log that is named."""

from __future__ import annotations

import logging
import os
import stat

import pytest

from builder import cli
from builder.commands import targets
from shared.terminal import commandline

SECRET = "https://user:secret@example.test/simple?token=secret"


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """Let a command end with a bug, and return the folder of the logs."""

    def run(_arguments):
        logging.getLogger("ragtrace").debug("asked %s", SECRET)
        raise RuntimeError(f"unforeseen: {SECRET}")

    monkeypatch.setattr(targets, "run", run)
    monkeypatch.setattr("shared.files.folders.user_state", lambda tool: tmp_path / tool)
    return tmp_path / "ragtrace-builder" / "logs"


def test_a_bug_leaves_a_log_that_is_named(broken, capsys) -> None:
    assert cli.main(["targets"]) == commandline.BUG
    (log,) = broken.iterdir()
    said = capsys.readouterr().err
    assert said.endswith(f"  log: {log}\n")
    assert "Traceback" not in said
    text = log.read_text(encoding="utf-8")
    assert "asked https://example.test/simple" in text
    assert 'raise RuntimeError(f"unforeseen' in text
    assert ":secret@" not in text
    assert "token=" not in text
    if os.name == "posix":
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_shown(broken, capsys) -> None:
    broken.parent.write_text("")  # in the way
    assert cli.main(["targets"]) == commandline.BUG
    assert "Traceback" in capsys.readouterr().err


def test_a_command_that_ends_otherwise_leaves_none(broken, capsys, monkeypatch) -> None:
    monkeypatch.setattr(targets, "run", lambda _arguments: commandline.DONE)
    assert cli.main(["targets"]) == commandline.DONE
    assert not broken.exists()
    assert capsys.readouterr().err == ""
