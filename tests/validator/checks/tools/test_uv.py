from __future__ import annotations

from importlib import metadata

import pytest

from shared.errors import ToolError
from shared.programs import uv
from tests.validator.checking import look
from validator.check import ERROR, FAIL, PASS
from validator.checks.tools.uv import UvTool


def test_the_shipped_uv_passes() -> None:
    result = look(UvTool, None)
    assert (result.status, result.details) == (PASS, metadata.version("uv"))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo uv 0.0.1", "0.0.1"),
        ("exit 3", "exited with code 3"),
        ("echo", "exited with code 0"),
        ("exec sleep 60", "timed out"),
    ],
)
def test_another_program_fails(tmp_path, monkeypatch, script, reason) -> None:
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(uv, "binary", lambda: program)
    result = look(UvTool, None, limit=0.5)
    assert result.status == FAIL
    assert reason in result.details


def test_a_missing_uv_is_an_error(monkeypatch) -> None:
    def missing():
        raise ToolError("uv is missing", advice="Copy it again.")

    monkeypatch.setattr(uv, "binary", missing)
    result = look(UvTool, None)
    assert (result.status, result.details, result.suggestion) == (ERROR, "uv is missing", "Copy it again.")
