"""Every prompt of the installer, whatever ends it: no answer is no, nothing changes, and it is no bug."""

from __future__ import annotations

import io
import sys

import pytest

from bootstrap import cli
from shared.terminal import console
from tests.terminal import ENDINGS, typing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_line_that_is_no_answer(ending) -> None:
    with typing(ENDINGS[ending]):
        assert console.can_ask() or ending == "hung up"
        assert console.answer() in ("", "ye")
    with typing(b"YES \n"):
        assert console.answer() == "yes"


@pytest.mark.parametrize("stream", [None, io.StringIO(), "closed"])
def test_an_input_without_a_person(stream, monkeypatch) -> None:
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stdin", stream)
    assert not console.can_ask()


def test_recover_and_uninstall_take_no_ending_for_yes(host, capsys) -> None:
    before = host.release
    (host.site / "tiny_lib" / "__init__.py").unlink()
    for typed in ENDINGS.values():
        for command, codes in (("recover", {0, 1, 2}), ("uninstall", {2})):
            with typing(typed):
                code = cli.main([command, "--prefix", str(host.prefix.root)])
            said = capsys.readouterr()
            assert code in codes, said
            assert "Traceback" not in said.err
            assert host.release == before
