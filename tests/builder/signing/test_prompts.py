"""Every prompt of the builder, whatever ends it: one sentence, exit 2, nothing written."""

from __future__ import annotations

import os
import sys

import pytest

from builder import cli
from builder.signing.sign import generate_key
from builder.signing.user_keys import PASSPHRASE, signers_of
from tests.terminal import ENDINGS, typing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")


@pytest.fixture(autouse=True)
def at_this_terminal(monkeypatch) -> None:
    """Let getpass take standard input with what is typed already, and no terminal that the tests were started from."""
    import termios

    real = os.open

    def without_tty(path, *arguments, **options):
        if path == "/dev/tty":
            raise OSError(6, "No such device or address", path)
        return real(path, *arguments, **options)

    monkeypatch.setattr("os.open", without_tty)
    monkeypatch.setattr(termios, "TCSAFLUSH", termios.TCSANOW)
    monkeypatch.delenv(PASSPHRASE, raising=False)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("command", ["keygen", "sign"])
def test_a_passphrase_that_never_comes(command, ending, tmp_path, capsys) -> None:
    key, folder = tmp_path / "key", tmp_path / "bundle"
    folder.mkdir()
    if command == "sign":
        generate_key(key, b"secret")
    before = sorted(tmp_path.iterdir())
    argv = ["keygen", str(key)] if command == "keygen" else ["sign", str(folder), "--sign-key", str(key)]
    with typing(ENDINGS[ending]):
        code = cli.main(argv)
    said = capsys.readouterr().err
    assert code == 2, said
    assert "Traceback" not in said
    assert "error: " in said
    assert "  next: " in said
    assert sorted(tmp_path.iterdir()) == before


def test_a_key_is_asked_for_once_and_a_file_in_the_way_is_told_before(tmp_path, monkeypatch, capsys) -> None:
    asked = []
    key = tmp_path / "key"
    generate_key(key, b"secret")
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or "secret")
    with typing(b""):
        assert len(signers_of([key, key, tmp_path / "." / "key"])) == 3
        assert len(asked) == 1
        assert cli.main(["keygen", str(key)]) == 2
    assert "exists and is not overwritten" in capsys.readouterr().err
    assert len(asked) == 1


def test_bytes_in_the_variable_are_the_passphrase(tmp_path, monkeypatch) -> None:
    generate_key(tmp_path / "key", b"\xff\xfe")
    monkeypatch.setenv(PASSPHRASE, "\udcff\udcfe")  # as Python reads what is no UTF-8
    assert signers_of([tmp_path / "key"])
