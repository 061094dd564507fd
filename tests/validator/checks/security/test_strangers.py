from __future__ import annotations

import os
import sys

import pytest

from tests.validator.checking import look
from validator.check import PASS, WARN
from validator.checks.security.strangers import UnknownFiles


def test_nothing_but_ours(prefix) -> None:
    (prefix.root / "lost+found").mkdir()
    assert look(UnknownFiles, prefix).status == PASS


@pytest.mark.parametrize("place", [".", "state", "releases", "store", "store/sha256", "bin"])
def test_a_file_of_somebody_else_is_named(prefix, place) -> None:
    path = prefix.root / place / "notes.txt"
    path.write_text("mine")
    result = look(UnknownFiles, prefix)
    assert result.status == WARN
    assert str(path) in result.details
    assert result.evidence["strangers"] == [str(path)]


@pytest.mark.skipif(sys.platform == "win32", reason="what may be executed is told by its ending there")
def test_a_command_is_named_with_what_it_would_shadow(prefix, tmp_path, monkeypatch) -> None:
    host = tmp_path / "host"
    host.mkdir()
    for path in (host / "tar", prefix.bin / "tar", prefix.bin / "sort"):
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (prefix.bin / "sort").chmod(0o644)
    monkeypatch.setenv("PATH", os.pathsep.join([str(prefix.bin), str(host)]))
    result = look(UnknownFiles, prefix)
    assert result.evidence["shadows"] == {str(prefix.bin / "tar"): str(host / "tar")}
    assert f"runs instead of {host / 'tar'}" in result.details
