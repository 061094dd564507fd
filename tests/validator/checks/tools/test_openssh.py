from __future__ import annotations

import pytest

from tests.keys import needs_keygen
from tests.validator.checking import look
from validator.check import PASS, SKIP, WARN
from validator.checks.tools.openssh import OpenSsh


@needs_keygen
def test_the_hosts_own_passes() -> None:
    assert look(OpenSsh, None).status == PASS


def test_without_it_the_check_is_skipped_with_the_other_way(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = look(OpenSsh, None)
    assert result.status == SKIP
    assert "trust slip" in result.details


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo 'unknown option -- Y' >&2; exit 1", "unknown option"), ("exit 0", "accepts an invalid signature")],
)
def test_one_that_cannot_verify_warns(tmp_path, monkeypatch, script, reason) -> None:
    program = tmp_path / "ssh-keygen"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    result = look(OpenSsh, None)
    assert result.status == WARN
    assert reason in result.details
