from __future__ import annotations

import os
import shutil

from tests.validator.checking import look, release_of
from validator.check import FAIL, PASS
from validator.checks.application.data import Data


def test_passes_when_the_release_leads_to_a_writable_folder(prefix) -> None:
    assert look(Data, prefix).status == PASS


def test_a_missing_folder_fails(prefix) -> None:
    shutil.rmtree(prefix.data / "data")
    result = look(Data, prefix)
    assert result.status == FAIL
    assert str(prefix.data / "data") in result.details


def test_a_file_in_the_place_of_a_folder_fails(prefix) -> None:
    shutil.rmtree(prefix.data / "data")
    (prefix.data / "data").write_text("mine")
    result = look(Data, prefix)
    assert result.status == FAIL
    assert result.details == f"not a folder: {prefix.data / 'data'}"
    assert "backup list" in result.command


def test_a_folder_that_cannot_be_written_fails(prefix, monkeypatch) -> None:
    # root may write everywhere, so the system's answer is played
    monkeypatch.setattr(os, "access", lambda path, mode: path != prefix.data)
    result = look(Data, prefix)
    assert result.status == FAIL
    assert str(prefix.data) in result.details


def test_a_release_that_writes_elsewhere_fails(prefix) -> None:
    link = release_of(prefix).app / "data"
    link.unlink()
    link.mkdir()
    result = look(Data, prefix)
    assert result.status == FAIL
    assert result.evidence == {"folders": ["data"]}
